#include "tests/smarthost/zone.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/nameser.h>

#include "tests/support/dns.h"

enum { ROWS_MAX = 64, LINE_SIZE = 1024, DNS_PORT = 53 };

struct word {
    const char *word;
    int value;
};

/* The value of a word; 0 where it is none of them. */
static int find(const char *word, const struct word *words)
{
    while (words->word != NULL && strcmp(words->word, word) != 0)
        words++;
    return words->value;
}

static void parse(char *line, struct dns_row *row)
{
    static const struct word types[] = {
        {"srv", ns_t_srv}, {"tlsa", ns_t_tlsa}, {"cname", ns_t_cname}, {NULL, 0}};
    static const struct word manners[] = {{"signed", DNS_ROW_SIGNED},
                                          {"fails", DNS_ROW_FAILS},
                                          {"silent", DNS_ROW_SILENT},
                                          {NULL, 0}};
    char *rest = strdup(line), *word = strsep(&rest, " ");
    int manner = find(word, manners);

    row->manner = (unsigned)manner;
    row->name = manner == 0 ? word : strsep(&rest, " ");
    word = strsep(&rest, " ");
    row->type = word == NULL ? 0 : find(word, types);
    row->data = rest;
    if (row->type == 0 || rest == NULL)
        errx(64, "no record: %s", line);
}

int zone_main(const char *file)
{
    static struct dns_row rows[ROWS_MAX + 1];
    struct dns_server server = {.socket = -1};
    char line[LINE_SIZE];
    FILE *stream = fopen(file, "r");
    size_t count = 0;

    if (stream == NULL)
        err(66, "%s", file);
    while (count < ROWS_MAX && fgets(line, sizeof line, stream) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '\0')
            parse(line, &rows[count++]);
    }
    fclose(stream);
    dns_server_start_at(&server, DNS_PORT, rows);
    puts("ready");
    fflush(stdout);
    for (;;)
        pause();
}
