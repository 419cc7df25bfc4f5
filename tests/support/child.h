/* Checks of what a process cannot take back, in a child of the test's own. */
#ifndef TESTS_SUPPORT_CHILD_H
#define TESTS_SUPPORT_CHILD_H

/* In a function that runs in such a child: its exit status is the line that failed. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return __LINE__ % 255 + 1;                                                             \
    } while (0)

/* Fails the test unless body() returns 0 in a child. */
void assert_good_in_child(int (*body)(void));

#endif
