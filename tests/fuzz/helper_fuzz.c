/* Property: whatever packets the helper is sent, with whatever descriptors, it answers those that
 * are requests, each once, up to the first that is none, and is then gone; what it hands out,
 * names, takes in or unlinks is the caller's own; what is others' or lies outside of the spool
 * stays as it is; and no descriptor is left behind.
 *
 * The input is a list of packets: a request of which each part is one of a few that matter, or
 * octets as they come. Run by root the helper is a user with the spool's group, as it is where the
 * program is set-group-ID, and there are others' entries as well. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "queue/helper_server.h"
#include "queue/helper_task.h"

enum { USER = 54321, GROUP = 54322, OTHER = 54323 };
enum { PATH_SIZE = 200, PACKETS_MOST = 24, PACKET_SIZE = 64, DESCRIPTORS_MOST = 2 };

static const char own[] = "ownownownownown1", failed[] = "failedfailedfai1",
                  foreign[] = "foreignforeign01", twice[] = "twicetwicetwice1",
                  link_to[] = "linklinklinklin1", fifo[] = "fifofifofifofif1",
                  folder[] = "folderfolderfol1", open_to_all[] = "openopenopenope1",
                  foreign_to_all[] = "foreignopenfore1";

static char directory[PATH_SIZE], outside[PATH_SIZE + 16];
static int spool_fd = -1;
static bool is_root;
static uid_t user; /* whom the helper works for */

static bool configure(struct spool_options *options, struct error *error)
{
    (void)error;
    *options = (struct spool_options){
        .directory = directory, .max_size = 16 * 1024 * 1024, .keep_failed = 1000};
    return true;
}

/* --- the spool -------------------------------------------------------------------------------- */

static void make_file(const char *name, mode_t mode, uid_t owner)
{
    int fd = openat(spool_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    demand(fd >= 0 && write(fd, name, strlen(name)) > 0 && fchmod(fd, mode) == 0);
    demand(!is_root || fchown(fd, owner, GROUP) == 0);
    close(fd);
}

static void clear(const char *path)
{
    DIR *opened = opendir(path);
    const struct dirent *entry;
    demand(opened != NULL);
    while ((entry = readdir(opened)) != NULL) {
        bool kept = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        if (!kept && unlinkat(dirfd(opened), entry->d_name, 0) != 0)
            demand(unlinkat(dirfd(opened), entry->d_name, AT_REMOVEDIR) == 0 ||
                   strlen(entry->d_name) < SPOOL_ID_LENGTH);
    }
    closedir(opened);
}

static void clear_all(void)
{
    char path[PATH_SIZE + 32];
    snprintf(path, sizeof path, "%s/failed", directory);
    clear(path);
    clear(directory);
}

static void remove_all(void)
{
    static const char *const folders[] = {"failed", "damaged", "tmp"};
    clear_all();
    for (size_t i = 0; i < 3; i++)
        unlinkat(spool_fd, folders[i], AT_REMOVEDIR);
    rmdir(directory);
    unlink(outside);
}

/* What group and sticky bit are for is in queue/spool.h. */
static void make_folder(const char *name)
{
    demand(mkdirat(spool_fd, name, 0700) == 0 || name[0] == '.' || name[0] == 'f');
    demand(!is_root || fchownat(spool_fd, name, 0, GROUP, 0) == 0);
    demand(!is_root || fchmodat(spool_fd, name, 01770, 0) == 0);
}

static void fill(void)
{
    char path[PATH_SIZE + 32];
    clear_all();
    make_folder("failed");
    make_file(own, 0600, user);
    make_file(open_to_all, 0644, user);
    make_file(foreign, 0600, OTHER);
    make_file(foreign_to_all, 0666, OTHER);
    make_file(twice, 0600, user);
    snprintf(path, sizeof path, "%.15s2", twice);
    demand(linkat(spool_fd, twice, spool_fd, path, 0) == 0);
    snprintf(path, sizeof path, "failed/%s", failed);
    make_file(path, 0600, user);
    demand(symlinkat(outside, spool_fd, link_to) == 0);
    demand(mkfifoat(spool_fd, fifo, 0600) == 0 && mkdirat(spool_fd, folder, 0700) == 0);
    make_file("state", 0644, 0);
}

static void set_up(void)
{
    if (spool_fd >= 0)
        return;
    fuzz_directory(directory, sizeof directory);
    snprintf(outside, sizeof outside, "%s.outside", directory);
    spool_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = open(outside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    demand(spool_fd >= 0 && fd >= 0 && write(fd, "outside", 7) == 7);
    close(fd);
    is_root = geteuid() == 0;
    user = is_root ? USER : geteuid();
    demand(chmod(outside, 0600) == 0);
    make_folder(".");
    make_folder("failed");
    atexit(remove_all);
}

/* --- packets ---------------------------------------------------------------------------------- */

struct packet {
    char bytes[PACKET_SIZE];
    size_t length;
    int descriptors[DESCRIPTORS_MOST];
    size_t count;
    bool is_new; /* the descriptor is that of a file that can become an entry */
};

struct reader {
    const uint8_t *bytes;
    size_t size;
};

static unsigned take(struct reader *reader)
{
    if (reader->size == 0)
        return 0;
    reader->size--;
    return *reader->bytes++;
}

static void choose_id(struct reader *reader, char id[SPOOL_ID_SIZE])
{
    static const char *const ids[] = {"",
                                      own,
                                      failed,
                                      foreign,
                                      twice,
                                      link_to,
                                      fifo,
                                      folder,
                                      open_to_all,
                                      "../../../etc/pas",
                                      foreign_to_all};
    unsigned choice = take(reader) % 16;
    memset(id, 0, SPOOL_ID_SIZE);
    if (choice < sizeof ids / sizeof ids[0])
        memcpy(id, ids[choice], strlen(ids[choice]));
    else
        for (size_t i = 0; i < SPOOL_ID_SIZE; i++)
            id[i] = (char)take(reader);
}

static int open_descriptor(unsigned choice)
{
    int fd = -1;
    switch (choice) {
    case 0:
    case 1:
        fd = openat(spool_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        demand(!is_root || fchown(fd, user, GROUP) == 0);
        demand(choice == 0 || fchmod(fd, 0666) == 0);
        break;
    case 2:
        fd = openat(spool_fd, own, O_RDWR | O_CLOEXEC);
        break;
    case 3:
        fd = openat(spool_fd, foreign, O_RDWR | O_CLOEXEC);
        break;
    case 4:
        fd = open(outside, O_RDWR | O_CLOEXEC);
        break;
    case 5:
        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        break;
    case 6:
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        break;
    case 7:
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        break;
    case 8:
        fd = openat(spool_fd, fifo, O_RDWR | O_CLOEXEC);
        break;
    case 9:
        fd = open(directory, O_PATH | O_CLOEXEC);
        break;
    case 11:
        fd = openat(spool_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        demand(fd >= 0 && (!is_root || fchown(fd, OTHER, GROUP) == 0));
        break;
    case 10:
        fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        break;
    default:
        return -1;
    }
    return fd;
}

static void add_descriptors(struct reader *reader, struct packet *packet)
{
    unsigned octet = take(reader), choices[DESCRIPTORS_MOST] = {octet % 16, octet / 16};
    for (size_t i = 0; i < (octet == 255 ? 2 : 1); i++) {
        int fd = open_descriptor(octet == 255 ? (unsigned)i * 4 : choices[i]);
        if (fd < 0)
            continue;
        packet->is_new = choices[i] == 0 || (!is_root && choices[i] == 11);
        packet->descriptors[packet->count++] = fd;
    }
}

static void take_packet(struct reader *reader, struct packet *packet)
{
    struct helper_request request;
    unsigned kind = take(reader);
    memset(packet, 0, sizeof *packet);
    memset(&request, 0, sizeof request);
    if (kind >= 128) {
        packet->length = kind % PACKET_SIZE;
        for (size_t i = 0; i < packet->length; i++)
            packet->bytes[i] = (char)take(reader);
    } else {
        unsigned folder_choice = take(reader);
        request.task = kind % 8 + (kind >= 120 ? 0x80000000u : 0);
        request.folder = folder_choice % 8 < 5 ? folder_choice % 8 / 4 : folder_choice % 8;
        choose_id(reader, request.id);
        request.unused[2] = folder_choice >= 248 ? 1 : 0;
        memcpy(packet->bytes, &request, sizeof request);
        packet->length = sizeof request + (folder_choice == 247 ? 1 : 0);
    }
    add_descriptors(reader, packet);
}

/* As queue/helper_task.h has it. */
static bool is_request(const struct packet *packet)
{
    struct helper_request request;
    bool named = false, empty = true, id = true;
    if (packet->length != sizeof request || packet->count > 1)
        return false;
    memcpy(&request, packet->bytes, sizeof request);
    for (size_t i = 0; i < SPOOL_ID_LENGTH; i++) {
        char c = request.id[i];
        empty = empty && c == '\0';
        id = id && ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
    }
    bool ended = request.id[SPOOL_ID_LENGTH] == '\0';
    bool zero = request.unused[0] == 0 && request.unused[1] == 0 && request.unused[2] == 0;
    named = request.task == HELPER_OPEN || request.task == HELPER_REMOVE;
    if (!zero || !ended || request.task >= HELPER_TASKS || !(named ? id : empty))
        return false;
    if (request.folder == SPOOL_FAILED ? !named && request.task != HELPER_WALK
                                       : request.folder != SPOOL_QUEUE)
        return false;
    return (packet->count == 1) == (request.task == HELPER_COMMIT);
}

static bool send_packet(int socket, const struct packet *packet)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)packet->bytes, .iov_len = packet->length};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof packet->descriptors)];
    } control;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    memset(&control, 0, sizeof control);
    if (packet->count > 0) {
        control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(packet->count * sizeof(int)),
                                          .cmsg_level = SOL_SOCKET,
                                          .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.header), packet->descriptors, packet->count * sizeof(int));
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(packet->count * sizeof(int));
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL) == (ssize_t)packet->length;
}

/* --- answers ---------------------------------------------------------------------------------- */

static bool is_file(int fd, const char *name)
{
    struct stat opened, named;
    return fstat(fd, &opened) == 0 && fstatat(spool_fd, name, &named, 0) == 0 &&
           opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

static void check_descriptor(const struct helper_request *request,
                             const struct helper_answer *answer, int fd)
{
    struct stat status;
    if (fd < 0) {
        demand(request->task != HELPER_OPEN || answer->opened != SPOOL_OPENED);
        return;
    }
    demand(request->task == HELPER_CREATE || request->task == HELPER_OPEN ||
           request->task == HELPER_STATE);
    demand(fstat(fd, &status) == 0 && S_ISREG(status.st_mode));
    demand(status.st_uid == user || (request->task == HELPER_STATE && is_file(fd, "state")));
    demand(request->task != HELPER_OPEN || status.st_nlink <= 1);
    demand(request->task != HELPER_OPEN || answer->opened == SPOOL_OPENED);
    demand(request->task == HELPER_STATE || (status.st_mode & 07777) == 0600);
    demand(!is_file(fd, outside) && (!is_root || !is_file(fd, foreign)));
    demand(request->task != HELPER_STATE || (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY);
}

/* Not even that there is one is told. */
static void check_secrecy(const struct helper_request *request, const struct helper_answer *answer)
{
    if (!is_root || strncmp(request->id, "foreign", 7) != 0)
        return;
    demand(!answer->done);
    demand(request->task != HELPER_OPEN || answer->opened == SPOOL_GONE);
    demand(request->task == HELPER_REMOVE || answer->error.sentence[0] == '\0');
    demand(request->task != HELPER_REMOVE ||
           strstr(answer->error.sentence, "there is no entry") != NULL);
}

static void check_answer(const struct packet *packet, const struct helper_answer *answer, int fd)
{
    struct helper_request request;
    struct stat status;
    memcpy(&request, packet->bytes, sizeof request);
    demand(answer->done <= 1 && answer->opened <= SPOOL_FAILURE);
    demand(memchr(answer->error.sentence, '\0', sizeof answer->error.sentence) != NULL);
    fuzz_check_printable(answer->error.sentence);
    check_descriptor(&request, answer, fd);
    check_secrecy(&request, answer);
    demand(answer->done || (request.task != HELPER_CREATE && request.task != HELPER_WALK));
    if (!answer->done)
        return;
    demand(answer->error.exit_code == EX_OK);
    if (request.task == HELPER_COMMIT) {
        demand(packet->is_new && spool_is_id(slice_of(answer->name.id)));
    } else if (request.task == HELPER_WALK_NEXT) {
        demand(answer->name.owner == user && spool_is_id(slice_of(answer->name.id)));
        demand(!is_root || strcmp(answer->name.id, foreign) != 0);
    } else if (request.task == HELPER_REMOVE) {
        demand(fstatat(spool_fd, request.id, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
               request.folder != SPOOL_QUEUE);
        demand(!is_root || strncmp(request.id, "foreign", 7) != 0);
    }
}

static bool receive_answer(int socket, struct helper_answer *answer, int *fd)
{
    struct iovec part = {.iov_base = answer, .iov_len = sizeof *answer};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control;
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    *fd = -1;
    if (count <= 0)
        return false;
    demand(count == sizeof *answer && (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0);
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header != NULL) {
        demand(header->cmsg_len == CMSG_LEN(sizeof *fd));
        memcpy(fd, CMSG_DATA(header), sizeof *fd);
    }
    return true;
}

/* What is not the caller's own is as it was. */
static void check_others(void)
{
    struct stat status;
    char content[32] = "";
    demand(fstatat(spool_fd, link_to, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
           S_ISLNK(status.st_mode));
    demand(stat(outside, &status) == 0 && status.st_size == 7 && status.st_nlink == 1);
    demand((status.st_mode & 07777) == 0600);
    if (!is_root)
        return;
    int fd = openat(spool_fd, foreign, O_RDONLY | O_CLOEXEC);
    demand(fd >= 0 && read(fd, content, sizeof content) == (ssize_t)strlen(foreign));
    demand(strcmp(content, foreign) == 0 && fstat(fd, &status) == 0);
    demand(status.st_uid == OTHER && status.st_nlink == 1);
    close(fd);
    demand(fstatat(spool_fd, foreign_to_all, &status, 0) == 0 && status.st_uid == OTHER);
}

/* --- a run ------------------------------------------------------------------------------------ */

static void check_answers(int socket, const struct packet *packets, size_t due)
{
    static struct helper_answer answer;
    size_t count = 0;
    int fd;
    while (receive_answer(socket, &answer, &fd)) {
        demand(count < due);
        check_answer(&packets[count++], &answer, fd);
        if (fd >= 0)
            close(fd);
    }
    demand(count == due);
}

/* As the program is while it is the helper; root's rights can be had again. */
static void become(uid_t uid, gid_t gid)
{
    if (!is_root)
        return;
    demand(uid == 0 ? setresuid(0, 0, 0) == 0 && setresgid(0, 0, 0) == 0
                    : setresgid(uid, gid, gid) == 0 && setresuid(uid, uid, 0) == 0);
}

static int next_descriptor(void)
{
    int fd = dup(STDERR_FILENO);
    close(fd);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct packet packets[PACKETS_MOST];
    struct reader reader = {bytes, size};
    size_t count = 0, due = 0;
    int ends[2];
    set_up();
    fill();
    demand(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    while (count < PACKETS_MOST && reader.size > 0) {
        struct packet *packet = &packets[count++];
        take_packet(&reader, packet);
        demand(send_packet(ends[0], packet));
        for (size_t i = 0; i < packet->count; i++)
            close(packet->descriptors[i]);
    }
    while (due < count && is_request(&packets[due]))
        due++;
    shutdown(ends[0], SHUT_WR);
    int before = next_descriptor();
    become(user, GROUP);
    helper_server_run(ends[1], configure);
    become(0, 0);
    demand(next_descriptor() == before);
    check_answers(ends[0], packets, due);
    close(ends[0]);
    close(ends[1]);
    check_others();
    return 0;
}
