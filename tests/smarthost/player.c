/* The client sees nothing of the caller's home or environment, and nothing stays behind. As root
 * the configuration is handed over with -C, which root's own file may be; as anybody else it is the
 * user's file, because a -C file of a user may not name everything (a log file, a command). */
#include "tests/smarthost/player.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "queue/spool.h"
#include "tests/smarthost/conversation.h"
#include "tests/smarthost/glob.h"
#include "tests/smarthost/secrets.h"
#include "tests/support/folder.h"

enum {
    WRAPPED_SLOWER = 10,
    KILLED = 128 /* and the signal, as shells say it */
};

struct player {
    const struct player_options *options;
    struct buffer *report;
    struct arena arena; /* owns the strings below */
    char *directory, *config, *authority_file, *client_file;
    int ports[SCRIPT_PORTS];
    struct buffer text; /* of the session, with the names replaced */
    struct script script;
    struct authority authority;
    struct client client;
    struct conversation conversation;
};

static bool say(struct player *player, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A sentence of the report; false, for it is a failure. */
static bool say(struct player *player, const char *format, ...)
{
    char sentence[2048];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    buffer_add_string(player->report, sentence);
    buffer_add_string(player->report, "\n");
    return false;
}

static void read_file(const char *path, struct buffer *content)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = 0;

    while (fd != -1 && buffer_reserve(content, 65536) &&
           (got = read(fd, content->bytes + content->length, 65536)) > 0)
        content->length += (size_t)got;
    if (fd != -1)
        close(fd);
}

static char *in_directory(struct player *player, const char *name)
{
    char *path = arena_format(&player->arena, "%s/%s", player->directory, name);

    if (path == NULL)
        err(1, "no memory");
    return path;
}

static void write_file(const char *path, struct slice content, unsigned mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd == -1 || write(fd, content.bytes, content.length) != (ssize_t)content.length ||
        fchmod(fd, mode) == -1)
        err(1, "%s", path);
    close(fd);
}

static void make_directory(struct player *player)
{
    const char *parent = getenv("TMPDIR");

    player->directory = arena_format(&player->arena, "%s/session-XXXXXX", parent ? parent : "/tmp");
    if (player->directory == NULL || mkdtemp(player->directory) == NULL ||
        mkdir(in_directory(player, "sendmail"), 0700) == -1)
        err(1, "cannot make a directory in %s", parent ? parent : "/tmp");
    player->config = in_directory(player, "sendmail/config.ini");
    player->authority_file = in_directory(player, "authority.pem");
    player->client_file = in_directory(player, "client.pem");
}

/* The session's text with $DIR, $CA, $CONFIG, $FIRST and $SECOND replaced. */
static void replace_names(struct player *player, struct slice text)
{
    char first[8], second[8], pin[AUTHORITY_PIN_SIZE];
    const struct {
        const char *name, *value;
    } names[] = {{"$DIR", player->directory},
                 {"$CA", player->authority_file},
                 {"$CONFIG", player->config},
                 {"$CLIENT", player->client_file},
                 {"$PIN", pin},
                 {"$FIRST", first},
                 {"$SECOND", second}};

    authority_pin(&player->authority, pin);
    snprintf(first, sizeof first, "%d", player->ports[0]);
    snprintf(second, sizeof second, "%d", player->ports[1]);
    while (text.length > 0) {
        size_t plain = slice_find(text, '$'), taken = 1;

        buffer_add(&player->text, slice_to(text, plain));
        text = slice_from(text, plain);
        if (text.length == 0)
            break;
        for (size_t i = 0; i < sizeof names / sizeof names[0] && taken == 1; i++) {
            size_t length = strlen(names[i].name);

            if (text.length >= length && memcmp(text.bytes, names[i].name, length) == 0) {
                buffer_add_string(&player->text, names[i].value);
                taken = length;
            }
        }
        if (taken == 1)
            buffer_add_byte(&player->text, '$');
        text = slice_from(text, taken);
    }
}

static bool load(struct player *player, const char *path)
{
    struct buffer raw = {0};
    struct error error = {0};
    bool good;

    read_file(path, &raw);
    replace_names(player, buffer_slice(&raw));
    good = script_parse(&player->script, buffer_slice(&player->text), &error);
    buffer_free(&raw);
    return good || say(player, "%s: %s", path, error.sentence);
}

static bool has_setting(const struct script *script, const struct script_setting *wanted)
{
    for (size_t i = 0; i < script->setting_count; i++)
        if (slice_equals(script->settings[i].section, wanted->section) &&
            slice_equals(script->settings[i].key, wanted->key))
            return true;
    return false;
}

static void add_default(struct script *script, const char *section, const char *key,
                        const char *value)
{
    struct script_setting setting = {slice_of(section), slice_of(key), slice_of(value)};

    if (!has_setting(script, &setting) && script->setting_count < SCRIPT_LIST_MAX)
        script->settings[script->setting_count++] = setting;
}

/* The settings from `first` on that stand in its section; one without a value is left out. */
static void add_section(const struct script *script, size_t first, bool *written,
                        struct buffer *out)
{
    struct slice section = script->settings[first].section;

    buffer_add_string(out, "[");
    buffer_add(out, section);
    buffer_add_string(out, "]\n");
    for (size_t i = first; i < script->setting_count; i++) {
        const struct script_setting *setting = &script->settings[i];

        if (!slice_equals(setting->section, section))
            continue;
        written[i] = true;
        if (setting->value.length == 0)
            continue;
        buffer_add(out, setting->key);
        buffer_add_string(out, " = ");
        buffer_add(out, setting->value);
        buffer_add_string(out, "\n");
    }
}

static void write_config(struct player *player)
{
    struct script *script = &player->script;
    bool written[SCRIPT_LIST_MAX] = {false};
    struct buffer out = {0};

    add_default(script, "smarthost", "host", "127.0.0.1");
    add_default(script, "smarthost", "port",
                arena_format(&player->arena, script->second_port ? "%d %d" : "%d", player->ports[0],
                             player->ports[1]));
    add_default(script, "smarthost", "tls_ca_file", player->authority_file);
    add_default(script, "smarthost", "helo", "client.example");
    add_default(script, "smarthost", "from", "alice@example.com");
    add_default(script, "local", "domain", "example.com");
    add_default(script, "local", "aliases", "none");
    add_default(script, "queue", "mode", "never");
    add_default(script, "queue", "directory", in_directory(player, "queue"));
    add_default(script, "log", "syslog", "off");
    add_default(script, "log", "file", in_directory(player, "log"));
    for (size_t i = 0; i < script->setting_count; i++)
        if (!written[i])
            add_section(script, i, written, &out);
    write_file(player->config, buffer_slice(&out), 0600);
    buffer_free(&out);
}

/* For a file in a folder of its own. */
static void make_parent(struct player *player, const char *name)
{
    const char *slash = strchr(name, '/');

    if (slash != NULL &&
        mkdir(in_directory(player,
                           arena_copy(&player->arena, slice_make(name, (size_t)(slash - name)))),
              0700) == -1 &&
        errno != EEXIST)
        err(1, "%s", name);
}

static void write_files(struct player *player)
{
    const struct script *script = &player->script;

    for (size_t i = 0; i < script->file_count; i++) {
        make_parent(player, script->files[i].name);
        write_file(in_directory(player, script->files[i].name),
                   buffer_slice(&script->files[i].content), script->files[i].mode);
    }
    authority_write(&player->authority, player->authority_file);
    if (memmem(player->text.bytes, player->text.length, player->client_file,
               strlen(player->client_file)) != NULL)
        authority_write_client(&player->authority, "client", player->client_file);
    if (!script->has_config)
        write_config(player);
}

static void open_ports(struct player *player)
{
    for (size_t i = 0; i < SCRIPT_PORTS; i++)
        player->conversation.listeners[i] = channel_bind(&player->ports[i]);
}

static void settle_ports(struct player *player)
{
    for (size_t i = 0; i < SCRIPT_PORTS; i++)
        if (player->script.ports[i] != PORT_REFUSED &&
            listen(player->conversation.listeners[i], 64) == -1)
            err(1, "listen");
}

/* The command says itself which configuration is used. */
static bool names_config(const struct script *script)
{
    for (size_t i = 1; i < script->command.count; i++)
        if (strncmp(script->command.items[i].bytes, "-C", 2) == 0 ||
            strncmp(script->command.items[i].bytes, "--config", 8) == 0)
            return true;
    return false;
}

static char **make_environment(struct player *player)
{
    const struct script_list *list = &player->script.environment;
    size_t count = 0;
    char **environment = arena_allocate(&player->arena, (list->count + 4) * sizeof *environment);
    const char *sanitizer = getenv("ASAN_OPTIONS");

    environment[count++] = arena_format(&player->arena, "PATH=/usr/bin:/bin");
    environment[count++] = arena_format(&player->arena, "XDG_CONFIG_HOME=%s", player->directory);
    if (sanitizer != NULL)
        environment[count++] = arena_format(&player->arena, "ASAN_OPTIONS=%s", sanitizer);
    for (size_t i = 0; i < list->count; i++)
        environment[count++] = arena_copy(&player->arena, list->items[i]);
    return environment;
}

/* The wrapper's words, then the command of the script with the program in its place; as root with
 * -C, unless the script says itself what configuration is used. */
static char **make_arguments(struct player *player)
{
    const struct script *script = &player->script;
    struct slice wrap = slice_of(player->options->wrap), word;
    size_t room = script->command.count + wrap.length + 4, count = 0;
    char **argv = arena_allocate(&player->arena, room * sizeof *argv);

    while (slice_cut_word(&wrap, &word))
        argv[count++] = arena_copy(&player->arena, word);
    argv[count++] = arena_copy(&player->arena, slice_of(player->options->program));
    if (geteuid() == 0 && !names_config(script)) {
        argv[count++] = arena_copy(&player->arena, slice_of("-C"));
        argv[count++] = player->config;
    }
    for (size_t i = 1; i < script->command.count; i++)
        argv[count++] = arena_copy(&player->arena, script->command.items[i]);
    return argv;
}

static void start_client(struct player *player)
{
    client_start(&player->client, make_arguments(player), make_environment(player),
                 player->directory, buffer_slice(&player->script.input));
}

static bool is_printable(struct slice line)
{
    for (size_t i = 0; i < line.length; i++)
        if (line.bytes[i] < 0x20 || line.bytes[i] == 0x7f)
            return false;
    return true;
}

/* What is printable is shown as it is: our own escapes would be confused with the client's. */
static void show_lines(struct player *player, const char *title, struct slice lines)
{
    char room[1024];
    struct slice line;

    say(player, "%s", title);
    while (slice_cut(&lines, '\n', &line)) {
        struct text shown;

        text_init(&shown, room, sizeof room);
        if (is_printable(line))
            text_add_slice(&shown, line);
        else
            text_add_escaped(&shown, line, sizeof room - 8);
        say(player, "  %s", room);
    }
}

/* One of the client's outputs against the script's patterns. */
static bool judge_file(struct player *player, const char *name, const struct script_list *patterns,
                       bool quiet)
{
    struct buffer content = {0};
    size_t wrong;
    bool good;

    read_file(in_directory(player, name), &content);
    good = glob_matches_lines(patterns->items, patterns->count, buffer_slice(&content), &wrong);
    if (!good && wrong < patterns->count)
        say(player, "%s: no line like: %s", name, patterns->items[wrong].bytes);
    else if (!good)
        say(player, "%s: a line too many", name);
    if (!good || !quiet)
        show_lines(player, name, buffer_slice(&content));
    buffer_free(&content);
    return good;
}

static bool judge_secrets(struct player *player, const char *name)
{
    const struct script *script = &player->script;
    struct buffer content = {0};
    bool found = false;

    read_file(in_directory(player, name), &content);
    for (size_t i = 0; i < script->secrets.count; i++)
        found |= secrets_are_in(buffer_slice(&content), script->secrets.items[i]);
    buffer_free(&content);
    return !found || say(player, "a secret is in its %s", name);
}

static bool judge_exit(struct player *player)
{
    int status = player->client.status;

    if (WIFSIGNALED(status) && player->script.exit_code == KILLED + WTERMSIG(status))
        return true;
    if (WIFSIGNALED(status))
        return say(player, "killed by signal %d (%s)", WTERMSIG(status),
                   strsignal(WTERMSIG(status)));
    if (WEXITSTATUS(status) != player->script.exit_code)
        return say(player, "exit code %d, expected %d", WEXITSTATUS(status),
                   player->script.exit_code);
    return true;
}

static bool judge_queue(struct player *player)
{
    DIR *queue = opendir(in_directory(player, "queue"));
    const struct dirent *entry;
    uint64_t count = 0;

    while (queue != NULL && (entry = readdir(queue)) != NULL)
        count += spool_is_id(slice_of(entry->d_name));
    if (queue != NULL)
        closedir(queue);
    return count == player->script.queued ||
           say(player, "entries in the queue: %llu", (unsigned long long)count);
}

static bool judge_files(struct player *player, bool quiet)
{
    const struct script *script = &player->script;
    bool good = judge_file(player, "stderr", &script->errors, quiet);

    good = judge_file(player, "stdout", &script->output, quiet) && good;
    if (script->log.count > 0)
        good = judge_file(player, "log", &script->log, quiet) && good;
    good = judge_secrets(player, "stderr") && good;
    good = judge_secrets(player, "stdout") && good;
    return judge_secrets(player, "log") && good;
}

static bool play(struct player *player)
{
    struct conversation *conversation = &player->conversation;
    int64_t limit = player->script.limit * (player->options->wrap ? WRAPPED_SLOWER : 1);
    bool input_read = false, good;

    conversation->script = &player->script;
    conversation->authority = &player->authority;
    conversation->client = &player->client;
    conversation->deadline = clock_deadline(limit);
    settle_ports(player);
    write_files(player);
    start_client(player);
    good = conversation_play(conversation);
    if (!good)
        channel_cut(&conversation->channel);
    if (!client_finish(&player->client, good ? conversation->deadline : clock_deadline(3000),
                       &input_read))
        good = say(player, "the client had to be ended");
    good = conversation_check_listeners(conversation) && good;
    buffer_add(player->report, buffer_slice(&conversation->protocol));
    if (!input_read)
        good = say(player, "it did not read its input to the end");
    good = judge_exit(player) && good;
    good = judge_queue(player) && good;
    return judge_files(player, good && !player->options->verbose) && good;
}

static void clean_up(struct player *player)
{
    for (size_t i = 0; i < SCRIPT_PORTS; i++)
        close(player->conversation.listeners[i]);
    conversation_free(&player->conversation);
    script_free(&player->script);
    authority_free(&player->authority);
    buffer_free(&player->text);
    folder_remove(player->directory);
    arena_free(&player->arena);
    free(player);
}

bool player_run(const struct player_options *options, const char *path, struct buffer *report)
{
    struct player *player = calloc(1, sizeof *player);
    bool good;

    if (player == NULL)
        err(1, "no memory");
    player->options = options;
    player->report = report;
    player->conversation.channel.fd = -1;
    make_directory(player);
    authority_create(&player->authority);
    open_ports(player);
    good = load(player, path) && play(player);
    clean_up(player);
    return good;
}
