/* A smarthost for tests: `play` plays session files against the sendmail under test, `receive`
 * takes whatever mail is sent to it, `faults` breaks every rule, `dns` answers for the DNS. */
#include <err.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/smarthost/matrix.h"
#include "tests/smarthost/player.h"
#include "tests/smarthost/receive.h"
#include "tests/smarthost/zone.h"

static int usage(void)
{
    fputs("usage: smarthost play [-v] [--sendmail PROGRAM] SESSION...\n"
          "       smarthost receive [OPTION]...\n"
          "       smarthost faults [--sample] [--sendmail PROGRAM] [--only WORD]... TABLE\n"
          "       smarthost dns FILE\n\n"
          "play: TAP on standard output. SESSION_WRAP=\"valgrind -q\" puts words before PROGRAM\n"
          "(build/sendmail). -v shows the conversations of sessions that pass as well.\n\n",
          stderr);
    receive_usage();
    return 64;
}

static void print_report(const char *report)
{
    while (*report != 0) {
        size_t length = strcspn(report, "\n");

        printf("#   %.*s\n", (int)length, report);
        report += length + (report[length] != 0);
    }
}

/* Without ".smtp". */
static int name_length(const char *name)
{
    const char *dot = strrchr(name, '.');

    return (int)(dot ? dot - name : (long)strlen(name));
}

static bool play_one(const struct player_options *options, char *path, int number)
{
    struct buffer report = {0};
    bool good = player_run(options, path, &report);
    char *name = basename(path);

    printf("%s %d - sessions/%.*s\n", good ? "ok" : "not ok", number, name_length(name), name);
    buffer_add_byte(&report, 0);
    if (!good || options->verbose)
        print_report(report.bytes);
    fflush(stdout);
    buffer_free(&report);
    return good;
}

static int play(int argc, char **argv)
{
    static const struct option long_options[] = {{"sendmail", required_argument, NULL, 's'},
                                                 {NULL, 0, NULL, 0}};
    const char *program = "build/sendmail";
    char path[PATH_MAX];
    struct player_options options = {path, getenv("SESSION_WRAP"), false};
    int option, failed = 0;

    while ((option = getopt_long(argc, argv, "v", long_options, NULL)) != -1) {
        if (option == 's')
            program = optarg;
        else if (option == 'v')
            options.verbose = true;
        else
            return usage();
    }
    if (optind == argc)
        return usage();
    if (realpath(program, path) == NULL)
        err(1, "%s", program);
    if (options.wrap != NULL && *options.wrap == 0)
        options.wrap = NULL;
    printf("1..%d\n", argc - optind);
    for (int i = optind; i < argc; i++)
        failed += !play_one(&options, argv[i], i - optind + 1);
    return failed > 0;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc >= 2 && strcmp(argv[1], "play") == 0)
        return play(argc - 1, argv + 1);
    if (argc >= 2 && strcmp(argv[1], "receive") == 0)
        return receive_main(argc - 1, argv + 1);
    if (argc >= 2 && strcmp(argv[1], "faults") == 0)
        return matrix_main(argc - 1, argv + 1);
    if (argc == 3 && strcmp(argv[1], "dns") == 0)
        return zone_main(argv[2]);
    return usage();
}
