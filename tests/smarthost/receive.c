/* The options, the ports, and a process for each connection. */
#include "tests/smarthost/receive.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/smarthost/authority.h"
#include "tests/smarthost/channel.h"
#include "tests/smarthost/session.h"

static const struct option receive_options[] = {
    {"port", required_argument, NULL, 'p'},
    {"silent-port", no_argument, NULL, 's'},
    {"tls", required_argument, NULL, 't'},
    {"certificate", required_argument, NULL, 'c'},
    {"ca-file", required_argument, NULL, 'C'},
    {"user", required_argument, NULL, 'u'},
    {"password", required_argument, NULL, 'P'},
    {"without", required_argument, NULL, 'w'},
    {"size", required_argument, NULL, 'z'},
    {"recipients", required_argument, NULL, 'r'},
    {"refuse", required_argument, NULL, 'R'},
    {"put-off", required_argument, NULL, 'O'},
    {"cut", required_argument, NULL, 'X'},
    {"mails", required_argument, NULL, 'M'},
    {"directory", required_argument, NULL, 'd'},
    {"quiet", no_argument, NULL, 'q'},
    {"transcript", no_argument, NULL, 'T'},
    {"mechanisms", required_argument, NULL, 'm'},
    {"binding", required_argument, NULL, 'b'},
    {"stripped", no_argument, NULL, 'S'},
    {"iterations", required_argument, NULL, 'i'},
    {"signature", required_argument, NULL, 'g'},
    {"client-certificate", required_argument, NULL, 'k'},
    {"implicit-port", required_argument, NULL, 'I'},
    {NULL, 0, NULL, 0},
};

void receive_usage(void)
{
    fputs("receive: prints \"port N\" and then a line an event (TLS, AUTH, FROM, TO, MESSAGE).\n"
          "  --port N          listen there on 127.0.0.1 (0: any free port)\n"
          "  --silent-port     also listen on a port that accepts and never greets\n"
          "  --implicit-port N also listen there, with TLS from the first byte\n"
          "  --tls KIND        starttls (default), implicit or none\n"
          "  --certificate W   valid (default), wrong-name, expired, self-signed, 1.2, ...\n"
          "  --ca-file FILE    write the throwaway authority's certificate there\n"
          "  --user U --password P   demand AUTH (or P is a token)\n"
          "  --mechanisms \"A B\"      offer these (PLAIN LOGIN)\n"
          "  --binding NAME    the one channel binding known (both)\n"
          "  --stripped        know -PLUS, though the mechanisms do not say so\n"
          "  --iterations N    of SCRAM (4096)\n"
          "  --signature HOW   SCRAM's last message: 334 (default), 235, none or wrong\n"
          "  --client-certificate FILE   write one of U with its key there, and ask for it\n"
          "  --without WORD    do not offer PIPELINING, CHUNKING, 8BITMIME or SMTPUTF8\n"
          "  --size N          the largest message (told, not enforced)\n"
          "  --recipients N    452 for more in one message\n"
          "  --refuse PATTERN  550 for recipients that it matches (* is any run of characters)\n"
          "  --put-off PATTERN 450 likewise\n"
          "  --cut PATTERN     the connection is cut likewise\n"
          "  --mails N         421 for more in one connection\n"
          "  --directory DIR   keep the messages there, as NAME.eml, with what MAIL and RCPT said "
          "in\n"
          "                    NAME.envelope (else they are counted and thrown away)\n"
          "  --quiet           no events     --transcript   the conversation on standard error\n",
          stderr);
}

struct receive {
    struct session_options session;
    const char *tls, *certificate, *authority_file, *client_file;
    int port, implicit_port; /* implicit_port: -1 for none */
    bool silent_port;
};

static unsigned extension(const char *word)
{
    static const char *const names[] = {"PIPELINING", "CHUNKING", "8BITMIME", "SMTPUTF8"};

    for (unsigned i = 0; i < 4; i++)
        if (strcasecmp(word, names[i]) == 0)
            return 1u << i;
    errx(64, "unknown extension %s", word);
}

static int signature(const char *word)
{
    static const char *const names[] = {"334", "235", "none", "wrong"};

    for (int i = 0; i < 4; i++)
        if (strcmp(word, names[i]) == 0)
            return i;
    errx(64, "unknown signature %s", word);
}

/* Those about AUTH; false for any other. */
static bool take_login_option(struct login_options *login, int option, char *value)
{
    switch (option) {
    case 'u':
        login->user = value;
        break;
    case 'P':
        login->password = value;
        break;
    case 'm':
        login->mechanisms = value;
        break;
    case 'b':
        login->binding = value;
        break;
    case 'S':
        login->stripped = true;
        break;
    case 'i':
        login->iterations = (int)strtol(value, NULL, 10);
        break;
    case 'g':
        login->signature = signature(value);
        break;
    default:
        return false;
    }
    return true;
}

static void take_option(struct receive *receive, int option, char *value)
{
    struct session_options *session = &receive->session;

    if (take_login_option(&session->login, option, value))
        return;
    switch (option) {
    case 'p':
        receive->port = (int)strtol(value, NULL, 10);
        break;
    case 'I':
        receive->implicit_port = (int)strtol(value, NULL, 10);
        break;
    case 's':
        receive->silent_port = true;
        break;
    case 't':
        receive->tls = value;
        break;
    case 'c':
        receive->certificate = value;
        break;
    case 'C':
        receive->authority_file = value;
        break;
    case 'w':
        session->extensions &= ~extension(value);
        break;
    case 'z':
        session->size = strtoull(value, NULL, 10);
        break;
    case 'r':
        session->recipients_max = strtoull(value, NULL, 10);
        break;
    case 'R':
        session->refused = value;
        break;
    case 'O':
        session->put_off = value;
        break;
    case 'X':
        session->cut = value;
        break;
    case 'M':
        session->mails_max = strtoull(value, NULL, 10);
        break;
    case 'k':
        receive->client_file = value;
        break;
    case 'd':
        session->directory = value;
        break;
    case 'q':
        session->quiet = true;
        break;
    case 'T':
        session->transcript = true;
        break;
    default:
        receive_usage();
        exit(64);
    }
}

static void make_context(struct receive *receive)
{
    struct authority authority;

    if (strcmp(receive->tls, "none") == 0)
        return;
    authority_create(&authority);
    if (receive->authority_file != NULL)
        authority_write(&authority, receive->authority_file);
    receive->session.tls = authority_context(&authority, receive->certificate);
    receive->session.implicit = strcmp(receive->tls, "implicit") == 0;
    if (receive->session.tls == NULL)
        errx(64, "unknown kind of certificate: %s", receive->certificate);
    if (receive->client_file != NULL)
        authority_ask_client(&authority, receive->session.tls, receive->session.login.user,
                             receive->client_file);
    authority_free(&authority);
}

static int open_port(const char *name, int port)
{
    int fd = channel_bind(&port);

    if (listen(fd, 1024) == -1)
        err(1, "listen");
    printf("%s %d\n", name, port);
    return fd;
}

static void serve(const struct receive *receive, int listener)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

        if (fd == -1) {
            if (errno != EINTR && errno != ECONNABORTED)
                err(1, "accept");
            continue;
        }
        if (fork() == 0) {
            close(listener);
            session_serve(&receive->session, fd);
            _exit(0);
        }
        close(fd);
    }
}

/* In a process of its own, which ends with this one. */
static void serve_implicit(const struct receive *receive)
{
    struct receive implicit = *receive;
    int listener = open_port("implicit-port", receive->implicit_port);

    fflush(stdout);
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        implicit.session.implicit = true;
        serve(&implicit, listener);
    }
    close(listener);
}

int receive_main(int argc, char **argv)
{
    struct receive receive = {.tls = "starttls", .certificate = "", .implicit_port = -1};
    int option, listener;

    receive.session.extensions = SESSION_ALL;
    receive.session.login.mechanisms = "PLAIN LOGIN";
    receive.session.login.iterations = 4096;
    while ((option = getopt_long(argc, argv, "", receive_options, NULL)) != -1)
        take_option(&receive, option, optarg);
    if (optind < argc ||
        (receive.session.login.user != NULL) != (receive.session.login.password != NULL))
        take_option(&receive, 0, NULL);
    if (strcmp(receive.certificate, "valid") == 0)
        receive.certificate = "";
    make_context(&receive);
    signal(SIGCHLD, SIG_IGN);
    if (receive.silent_port)
        open_port("silent-port", 0);
    if (receive.implicit_port >= 0)
        serve_implicit(&receive);
    listener = open_port("port", receive.port);
    fflush(stdout);
    serve(&receive, listener);
    return 0;
}
