/* A small receiving smarthost (RFC 5321, 3030, 2920, 3207, 4954), a process a connection: what the
 * demo and the benchmark talk to. */
#ifndef TESTS_SMARTHOST_RECEIVE_H
#define TESTS_SMARTHOST_RECEIVE_H

void receive_usage(void);

/* Listens, prints where, and serves until it is ended by a signal. */
int receive_main(int argc, char **argv);

#endif
