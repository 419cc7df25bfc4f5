# GNU make, no configure, no recursion. `make help` lists the targets.

# The user's: override on the command line.
PREFIX     = /usr/local
SYSCONFDIR = /etc
CC        ?= cc
CFLAGS     = -O2 -g
LDFLAGS    =
BUILD      = build

HARDEN  = -fPIE -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=2
WARN    = -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
          -Wformat=2 -Wundef -Wwrite-strings -Wpointer-arith -Wcast-qual
OURS    = -std=c11 -D_GNU_SOURCE -I. $(HARDEN) $(WARN)
LINKED  = -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
LIBS    = -liniparser -lssl -lcrypto

SOURCES := $(wildcard base/*.c net/*.c tls/*.c message/*.c smtp/*.c smtp/sasl/*.c config/*.c)
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)

all: $(BUILD)/sendmail

$(BUILD)/sendmail: $(BUILD)/sendmail.o $(OBJECTS)
	$(CC) $(CFLAGS) $(LINKED) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(OURS) $(CFLAGS) -MMD -MP -c -o $@ $<

# A unit test is its own program: make build/tests/base/text_test
$(BUILD)/tests/%_test: $(BUILD)/tests/%_test.o $(OBJECTS)
	$(CC) $(CFLAGS) $(LINKED) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka

clean:
	rm -rf $(BUILD)

.PHONY: all clean
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
