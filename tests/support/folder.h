/* A test's own folder. */
#ifndef TESTS_SUPPORT_FOLDER_H
#define TESTS_SUPPORT_FOLDER_H

/* Removes it with all that is in it; 0, as cmocka's fixtures say. Links are not followed. */
int folder_remove(const char *path);

#endif
