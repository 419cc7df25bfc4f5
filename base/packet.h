/* Packets of a fixed size between two processes (a SOCK_SEQPACKET pair), each with at most one open
 * descriptor. */
#ifndef BASE_PACKET_H
#define BASE_PACKET_H

#include <stdbool.h>
#include <stddef.h>

enum packet_end { PACKET_RECEIVED, PACKET_CLOSED, PACKET_WRONG };

/* Sends one, with a copy of `descriptor` unless that is -1. False, with errno, where nobody is
 * there to take it. */
bool packet_send(int socket, const void *bytes, size_t size, int descriptor);

/* Waits for one of just `size` octets. `descriptor` is what came with it, close-on-exec and the
 * caller's to close, or -1. PACKET_CLOSED at the end, after an error of the socket and for an empty
 * packet, PACKET_WRONG when it was longer, shorter or brought more than one descriptor: then
 * nothing of it is kept. */
enum packet_end packet_receive(int socket, void *bytes, size_t size, int *descriptor);

#endif
