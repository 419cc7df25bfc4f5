/* Takes the place of libc's functions in a program that calls names_set. */
#include "tests/support/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct name *names;

void names_set(const struct name *table)
{
    names = table;
}

static struct addrinfo *make_address(const char *literal)
{
    struct addrinfo *info = calloc(1, sizeof(*info));
    struct sockaddr_in6 *six = calloc(1, sizeof(*six));
    struct sockaddr_in *four = (struct sockaddr_in *)six;

    info->ai_socktype = SOCK_STREAM;
    info->ai_addr = (struct sockaddr *)six;
    if (inet_pton(AF_INET, literal, &four->sin_addr) == 1) {
        info->ai_addrlen = sizeof(*four);
        info->ai_family = AF_INET;
    } else if (inet_pton(AF_INET6, literal, &six->sin6_addr) == 1) {
        info->ai_addrlen = sizeof(*six);
        info->ai_family = AF_INET6;
    } else {
        freeaddrinfo(info);
        return NULL;
    }
    info->ai_addr->sa_family = (sa_family_t)info->ai_family;
    return info;
}

static int answer(const struct name *name, struct addrinfo **list)
{
    char literals[1024];
    char *rest = literals, *literal;

    if (name->manner == NAME_HANGS)
        pause();
    if (name->manner == NAME_DIES)
        raise(SIGKILL);
    errno = name->reason;
    if (name->status != 0)
        return name->status;
    snprintf(literals, sizeof(literals), "%s", name->addresses);
    while ((literal = strsep(&rest, " ")) != NULL) {
        *list = make_address(literal);
        list = &(*list)->ai_next;
    }
    return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;

        free(list->ai_addr);
        free(list);
        list = next;
    }
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **list)
{
    const struct name *name = names;

    (void)service;
    *list = make_address(host);
    if (*list != NULL)
        return 0;
    if ((hints->ai_flags & AI_NUMERICHOST) != 0)
        return EAI_NONAME;
    while (name != NULL && name->name != NULL && strcmp(name->name, host) != 0)
        name++;
    return name == NULL || name->name == NULL ? EAI_NONAME : answer(name, list);
}
