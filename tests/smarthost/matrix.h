/* The fault matrix: every step of the conversation, each kind of fault. */
#ifndef TESTS_SMARTHOST_MATRIX_H
#define TESTS_SMARTHOST_MATRIX_H

/* faults [--sample] [--sendmail PROGRAM] [--only WORD]... TABLE; prints TAP. */
int matrix_main(int argc, char **argv);

#endif
