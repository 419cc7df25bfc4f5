#include "tests/support/dns.h"

#include <arpa/nameser.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PACKET = 4096, AD = 0x20, QR = 0x80, RA = 0x80, NAME_AT_12 = 0xc00c };

struct reply {
    unsigned char bytes[PACKET];
    size_t length;
};

static void add16(struct reply *reply, unsigned value)
{
    reply->bytes[reply->length++] = (unsigned char)(value >> 8);
    reply->bytes[reply->length++] = (unsigned char)value;
}

static void add_name(struct reply *reply, const char *name)
{
    int used =
        ns_name_compress(name, reply->bytes + reply->length, PACKET - reply->length, NULL, NULL);
    reply->length += used > 0 ? (size_t)used : 0;
}

static void add_hex(struct reply *reply, const char *hex)
{
    for (; hex[0] != '\0' && hex[1] != '\0'; hex += 2) {
        char digits[3] = {hex[0], hex[1], '\0'};
        reply->bytes[reply->length++] = (unsigned char)strtoul(digits, NULL, 16);
    }
}

static void add_data(struct reply *reply, const struct dns_row *row)
{
    char *rest;
    if (row->type == ns_t_cname) {
        add_name(reply, row->data);
        return;
    }
    unsigned long first = strtoul(row->data, &rest, 10);
    unsigned long second = strtoul(rest, &rest, 10), third = strtoul(rest, &rest, 10);
    if (row->type == ns_t_srv) {
        add16(reply, (unsigned)first);
        add16(reply, (unsigned)second);
        add16(reply, (unsigned)third);
        add_name(reply, rest + 1);
        return;
    }
    reply->bytes[reply->length++] = (unsigned char)first;
    reply->bytes[reply->length++] = (unsigned char)second;
    reply->bytes[reply->length++] = (unsigned char)third;
    add_hex(reply, rest + 1);
}

static void add_record(struct reply *reply, const struct dns_row *row, const char *owner)
{
    add_name(reply, owner);
    add16(reply, (unsigned)row->type);
    add16(reply, ns_c_in);
    add16(reply, 0);
    add16(reply, 60);
    size_t place = reply->length;
    add16(reply, 0);
    add_data(reply, row);
    size_t size = reply->length - place - 2;
    reply->bytes[place] = (unsigned char)(size >> 8);
    reply->bytes[place + 1] = (unsigned char)size;
}

/* Adds what the table has for `name`, an alias followed, and says how that is to be answered. */
static int add_answers(struct reply *reply, const struct dns_row *row, const char *name, int type,
                       unsigned *count)
{
    const struct dns_row *first = row;
    int manner = 0;
    for (; row->name != NULL; row++) {
        if (strcasecmp(row->name, name) != 0 || (row->type != type && row->type != ns_t_cname))
            continue;
        manner |= row->manner;
        add_record(reply, row, name);
        ++*count;
        if (row->type == ns_t_cname)
            manner |= add_answers(reply, first, row->data, type, count);
    }
    return manner;
}

static bool make_reply(const struct dns_server *server, const unsigned char *question,
                       size_t length, struct reply *reply)
{
    char name[NS_MAXDNAME];
    unsigned count = 0;
    int used =
        ns_name_uncompress(question, question + length, question + NS_HFIXEDSZ, name, sizeof name);
    if (used < 0 || NS_HFIXEDSZ + (size_t)used + 4 > length)
        return false;
    size_t head = NS_HFIXEDSZ + (size_t)used + 4;
    int type = question[head - 4] << 8 | question[head - 3];
    memcpy(reply->bytes, question, head);
    reply->length = head;
    int manner = add_answers(reply, server->rows, name, type, &count);
    bool is_signed = (manner & DNS_ROW_SIGNED) != 0 || (count == 0 && server->denies_signed);
    reply->bytes[2] = (unsigned char)(QR | (question[2] & 1));
    reply->bytes[3] = (unsigned char)(RA | (is_signed ? AD : 0));
    if ((manner & DNS_ROW_FAILS) != 0)
        reply->bytes[3] |= ns_r_servfail;
    else if (count == 0)
        reply->bytes[3] |= ns_r_nxdomain;
    memset(reply->bytes + 6, 0, 6);
    reply->bytes[7] = (unsigned char)count;
    if ((manner & DNS_ROW_TORN) != 0)
        reply->length -= 3;
    return (manner & DNS_ROW_SILENT) == 0;
}

static void *serve(void *argument)
{
    const struct dns_server *server = argument;
    unsigned char question[PACKET];
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    ssize_t length;
    while ((length = recvfrom(server->socket, question, sizeof question, 0,
                              (struct sockaddr *)&from, &size)) > 0) {
        struct reply reply = {0};
        if (length > NS_HFIXEDSZ && make_reply(server, question, (size_t)length, &reply))
            sendto(server->socket, reply.bytes, reply.length, 0, (struct sockaddr *)&from, size);
        size = sizeof from;
    }
    return NULL;
}

void dns_server_start_at(struct dns_server *server, uint16_t port, const struct dns_row *rows)
{
    socklen_t size = sizeof server->address;
    server->rows = rows;
    server->address = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    server->socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (server->socket < 0 ||
        bind(server->socket, (struct sockaddr *)&server->address, size) != 0 ||
        getsockname(server->socket, (struct sockaddr *)&server->address, &size) != 0 ||
        pthread_create(&server->thread, NULL, serve, server) != 0) {
        perror("DNS server of the test");
        abort();
    }
}

void dns_server_start(struct dns_server *server, const struct dns_row *rows)
{
    dns_server_start_at(server, 0, rows);
}

void dns_server_stop(struct dns_server *server)
{
    /* An empty datagram ends the thread. */
    sendto(server->socket, "", 0, 0, (struct sockaddr *)&server->address, sizeof server->address);
    pthread_join(server->thread, NULL);
    close(server->socket);
}
