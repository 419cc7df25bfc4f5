/* What Sendmail's options take as a letter or a word, checked. All failures are EX_USAGE and name
 * the values that exist. */
#ifndef CONFIG_LETTERS_H
#define CONFIG_LETTERS_H

#include "config/options.h"

/* -b: a mode of operation. What asks for another kind of program is told why it is refused. */
bool letters_parse_mode(const char *argument, enum options_mode *mode, struct error *error);

/* -q: nothing, an interval, or what to run by; each adds to what an earlier -q asked for. */
bool letters_parse_run(const char *argument, struct options_run *run, struct error *error);

/* -e and -oe. There is no mail about mail here, so that all are the same but the one for silence.
 * The sentence is without the option's name. */
bool letters_parse_error_mode(const char *argument, bool *quiet, struct error *error);

/* -od. */
bool letters_parse_delivery(const char *argument, enum options_delivery *delivery,
                            struct error *error);

/* -o with a letter that means nothing here: that it is one, and brings its value where it takes
 * one. */
bool letters_check_option(const char *argument, struct error *error);

/* -L: 1 to OPTIONS_TAG_LIMIT printable ASCII characters, none a blank. */
bool letters_check_tag(const char *argument, struct error *error);

#endif
