# GNU make, no configure, no recursion. `make help` lists the targets.

# --- yours to override: make PREFIX=/usr CC=clang CFLAGS=-O3
PREFIX     = /usr/local
SYSCONFDIR = /etc
# The system's spool is LOCALSTATEDIR/spool/sendmail.
LOCALSTATEDIR = /var
# Below a home there is no sbin in anybody's PATH.
BINDIR     = $(PREFIX)/$(if $(filter $(HOME)/%,$(PREFIX)),bin,sbin)
MANDIR     = $(PREFIX)/share/man
DOCDIR     = $(PREFIX)/share/doc/sendmail
UNITDIR    = $(if $(filter /usr /usr/local,$(PREFIX)),$(PREFIX)/lib,/etc)/systemd/system
USERUNITDIR = $(PREFIX)/share/systemd/user
DESTDIR    =
CC         = cc
CLANG      = clang
CFLAGS     = -O2 -g
LDFLAGS    =
WERROR     =
BUILD      = build
# Found by trial, see $(BUILD)/found.mk: OPENSSL_CFLAGS OPENSSL_LIBS INIPARSER_HEADER INIPARSER_LIBS

# --- how everything is compiled
WARN   = -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
         -Wformat=2 -Wundef -Wwrite-strings -Wpointer-arith -Wcast-qual $(WERROR)
HARDEN = -fPIE -fstack-protector-strong -fstack-clash-protection
FORTIFY = -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
OURS   = -std=c11 -D_GNU_SOURCE -I. -DSYSCONFDIR='"$(SYSCONFDIR)"' \
         -DLOCALSTATEDIR='"$(LOCALSTATEDIR)"' -DINIPARSER_HEADER='$(INIPARSER_HEADER)' \
         $(OPENSSL_CFLAGS) $(HARDEN) $(WARN)
LINKED = -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
LIBS   = $(INIPARSER_LIBS) $(OPENSSL_LIBS)

ROOMS     := base net tls message smtp smtp/sasl queue config agent
SOURCES   := $(wildcard $(ROOMS:%=%/*.c))
SUPPORT   := $(wildcard tests/support/*.c)
SMARTHOST := $(wildcard tests/smarthost/*.c)
UNITS     := $(patsubst %.c,%,$(wildcard $(ROOMS:%=tests/%/*_test.c)))
FUZZERS   := $(patsubst %.c,%,$(wildcard tests/fuzz/*_fuzz.c))
SESSIONS  := $(wildcard tests/sessions/*.smtp)
SCRIPTS   := tests/process tests/senders tests/logins tests/secrets tests/dane tests/configure \
             tests/keep tests/mailq tests/passes tests/owners tests/helper \
             tests/machines tests/player tests/documentation

all: $(BUILD)/sendmail

# --- variants: the same tree compiled another way into a folder of its own
# V=1 shows the commands. $(call variant,FOLDER,COMPILER,FLAGS)
V      =
silent = $(if $(V),,@echo '  $(1)';)
define variant
$(1)/config/paths.o $(1)/config/keys.o: $(BUILD)/directories
$(1)/%.o: %.c Makefile $(BUILD)/found.mk
	@mkdir -p $$(@D)
	$$(call silent,$(2) -c $$<)$(2) $$(OURS) $(3) -MMD -MP -c -o $$@ $$<

$(1)/rooms.a: $(SOURCES:%.c=$(1)/%.o)
	@rm -f $$@
	$$(call silent,ar $$@)ar rc $$@ $$^

$(1)/support.a: $(SUPPORT:%.c=$(1)/%.o)
	@rm -f $$@
	$$(call silent,ar $$@)ar rc $$@ $$^

$(1)/sendmail: $(1)/sendmail.o $(1)/rooms.a
	$$(call silent,$(2) -o $$@)$(2) $(3) $$(LINKED) $$(LDFLAGS) -o $$@ $$^ $$(LIBS)

$(1)/tests/smarthost/smarthost: $(SMARTHOST:%.c=$(1)/%.o) $(1)/support.a $(1)/rooms.a
	$$(call silent,$(2) -o $$@)$(2) $(3) $$(LINKED) $$(LDFLAGS) -o $$@ $$^ $$(LIBS) -lpthread

$(1)/tests/bench/%: $(1)/tests/bench/%.o $(1)/rooms.a
	$$(call silent,$(2) -o $$@)$(2) $(3) $$(LINKED) $$(LDFLAGS) -o $$@ $$^ $$(LIBS)

$(1)/tests/start $(1)/tests/memory: $(1)/tests/%: $(1)/tests/%.o
	$$(call silent,$(2) -o $$@)$(2) $(3) $$(LINKED) $$(LDFLAGS) -o $$@ $$^

$(1)/tests/crash/preload.so: tests/crash/preload.c Makefile
	@mkdir -p $$(@D)
	$$(call silent,$(2) -o $$@)$(2) $$(OURS) -O1 -fPIC -shared -o $$@ $$<

$(1)/tests/%_test: $(1)/tests/%_test.o $(1)/support.a $(1)/rooms.a
	$$(call silent,$(2) -o $$@)$(2) $(3) $$(LINKED) $$(LDFLAGS) -o $$@ $$^ $$(LIBS) -lcmocka -lpthread

$(1)/tests/fuzz/%_fuzz: $(1)/tests/fuzz/%_fuzz.o $(1)/rooms.a
	$$(call silent,$(2) -o $$@)$(2) $(3) -fsanitize=fuzzer $$(LINKED) $$(LDFLAGS) -o $$@ $$^ $$(LIBS)

-include $$(shell find $(1) -name '*.d' 2>/dev/null)
endef

SANITIZE = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
$(eval $(call variant,$(BUILD),$(CC),$(FORTIFY) $(CFLAGS)))
$(eval $(call variant,$(BUILD)/asan,$(CC),$(SANITIZE)))
$(eval $(call variant,$(BUILD)/clang,$(CLANG),$(FORTIFY) $(CFLAGS)))
$(eval $(call variant,$(BUILD)/fuzz,$(CLANG),$(SANITIZE) -fsanitize=fuzzer-no-link))
$(eval $(call variant,$(BUILD)/coverage,$(CC),-O0 -g --coverage))

# Everything that the tests of one variant need: $(call tested,FOLDER)
tested = $(1)/sendmail $(1)/tests/smarthost/smarthost $(1)/tests/start $(1)/tests/memory $(1)/tests/bench/machines $(UNITS:%=$(1)/%)

# --- what is on this machine; targets that test install what is missing, the others never do
ifneq ($(filter check demo asan lint fuzz bench bench-queue coverage check-%,$(MAKECMDGOALS)),)
ifneq ($(lastword $(shell tests/needs $(MAKECMDGOALS) && echo present)),present)
$(error something needed is missing, see above)
endif
endif

$(BUILD)/found.mk: Makefile tests/find-libraries
	@mkdir -p $(@D)
	@CC='$(CC)' OPENSSL_CFLAGS='$(OPENSSL_CFLAGS)' OPENSSL_LIBS='$(OPENSSL_LIBS)' \
	 INIPARSER_HEADER='$(INIPARSER_HEADER)' INIPARSER_LIBS='$(INIPARSER_LIBS)' \
	 tests/find-libraries $(@D)/trial > $@.new && mv $@.new $@

# Changes when one of them does, so that what was compiled with another one is compiled again.
$(BUILD)/directories: always
	@mkdir -p $(@D)
	@echo '$(SYSCONFDIR) $(LOCALSTATEDIR)' | cmp -s - $@ || echo '$(SYSCONFDIR) $(LOCALSTATEDIR)' >$@

ifneq ($(filter-out clean help uninstall uninstall-sendmail,$(or $(MAKECMDGOALS),all)),)
include $(BUILD)/found.mk
endif

# --- proving it
check: $(call tested,$(BUILD))
	@tests/run $(BUILD) $(SCRIPTS) $(UNITS) $(SESSIONS)

asan: $(call tested,$(BUILD)/asan)
	@tests/run $(BUILD)/asan $(SCRIPTS) $(UNITS) $(SESSIONS)

# Without the scripts that act as other users or take things away: what counts the lines writes files
# of its own, and says so when it cannot.
coverage: $(call tested,$(BUILD)/coverage)
	@tests/run $(BUILD)/coverage $(filter-out %/process %/secrets %/dane %/configure %/keep %/helper \
	    %/mailq %/owners,$(SCRIPTS)) $(UNITS) $(SESSIONS)
	@gcovr --root . --filter '(base|net|tls|message|smtp|queue|config|agent|sendmail)' $(BUILD)/coverage

check-clang: $(call tested,$(BUILD)/clang)

check-servers: $(BUILD)/sendmail
	@tests/servers/run $(BUILD)

check-crash: $(BUILD)/sendmail $(BUILD)/tests/smarthost/smarthost $(BUILD)/tests/crash/preload.so
	@tests/crash/run $(BUILD)

check-callers: $(BUILD)/sendmail $(BUILD)/tests/smarthost/smarthost
	@tests/callers/run $(BUILD)

fuzz: $(FUZZERS:%=$(BUILD)/fuzz/%)
	@tests/fuzz/run $(BUILD)/fuzz

lint:
	@tests/lint/run

bench: $(BUILD)/sendmail $(BUILD)/tests/smarthost/smarthost $(BUILD)/tests/bench/proxy $(BUILD)/tests/bench/cost \
       $(BUILD)/tests/bench/machines
	@tests/bench/run $(BUILD)

bench-queue: $(BUILD)/sendmail $(BUILD)/tests/smarthost/smarthost $(BUILD)/tests/bench/proxy $(BUILD)/tests/bench/cost
	@tests/bench/queue $(BUILD)

demo: $(BUILD)/sendmail $(BUILD)/tests/smarthost/smarthost
	@tests/demo $(BUILD)

# --- installing it
ifneq ($(filter install uninstall install-sendmail uninstall-sendmail,$(MAKECMDGOALS)),)
ifeq ($(filter /%,$(PREFIX)),)
$(error PREFIX must be an absolute path)
endif
ifneq ($(words $(PREFIX) $(LOCALSTATEDIR) $(DESTDIR) x),$(if $(DESTDIR),4,3))
$(error PREFIX, LOCALSTATEDIR and DESTDIR must have no blanks)
endif
endif

system = @DESTDIR='$(DESTDIR)' install/system-sendmail
queue  = @DESTDIR='$(DESTDIR)' BINARY='$(BINDIR)/sendmail' SPOOL='$(LOCALSTATEDIR)/spool/sendmail' \
	CONFIG='$(SYSCONFDIR)/sendmail/config.ini' UNITDIR='$(UNITDIR)' install/system-queue
# One that install-sendmail has made set-group-ID stays it.
kept_mode = $$([ ! -g '$(1)' ] && echo -m 755 || stat -c '-g %g -m 2755' '$(1)')

install: $(BUILD)/sendmail $(if $(filter install-sendmail,$(MAKECMDGOALS)),may-install-sendmail)
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(MANDIR)/man8 $(DESTDIR)$(MANDIR)/man7 \
	    $(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(DOCDIR) $(DESTDIR)$(USERUNITDIR)
	install $(call kept_mode,$(DESTDIR)$(BINDIR)/sendmail) $(BUILD)/sendmail $(DESTDIR)$(BINDIR)/sendmail
	install -m 644 man/sendmail.8 $(DESTDIR)$(MANDIR)/man8/sendmail.8
	install -m 644 man/sendmail.ini.5 $(DESTDIR)$(MANDIR)/man5/sendmail.ini.5
	install -m 644 man/sendmail-security.7 $(DESTDIR)$(MANDIR)/man7/sendmail-security.7
	install -m 644 config.example.ini README $(DESTDIR)$(DOCDIR)/
	$(queue) examples $(DESTDIR)$(DOCDIR)
	$(queue) user $(DESTDIR)$(USERUNITDIR)
	@echo 'Now write $(if $(filter $(HOME)/%,$(PREFIX)),~/.config,$(SYSCONFDIR))/sendmail/config.ini' \
	      '(start from $(DOCDIR)/config.example.ini).'

uninstall: uninstall-sendmail
	rm -f $(DESTDIR)$(BINDIR)/sendmail $(DESTDIR)$(MANDIR)/man8/sendmail.8 $(DESTDIR)$(MANDIR)/man5/sendmail.ini.5 \
	    $(DESTDIR)$(MANDIR)/man7/sendmail-security.7 $(DESTDIR)$(USERUNITDIR)/sendmail-queue.service \
	    $(DESTDIR)$(USERUNITDIR)/sendmail-queue.timer
	rm -rf $(DESTDIR)$(DOCDIR)

may-install-sendmail:
	$(system) may-install $(BINDIR)/sendmail

install-sendmail: install
	$(system) install $(BINDIR)/sendmail
	$(queue) install

uninstall-sendmail:
	$(queue) uninstall
	$(system) uninstall $(BINDIR)/sendmail

clean:
	rm -rf $(BUILD)

help:
	@echo 'make                 build $(BUILD)/sendmail'
	@echo 'make demo            send a real message over TLS to a smarthost started here'
	@echo 'make check           unit tests, sessions, documentation: under a minute'
	@echo 'make asan            the same under AddressSanitizer and UBSan'
	@echo 'make check-servers   against a real Postfix with Dovecot SASL (root, own mount namespace)'
	@echo 'make check-crash     every call in the spool fails, is the last, or loses the power behind it'
	@echo 'make check-callers   called by cron, at, git, PHP, mutt, mail and nodemailer (root)'
	@echo 'make lint            format, cppcheck, clang-tidy, gcc -fanalyzer, mandoc, shellcheck'
	@echo 'make fuzz            libFuzzer on every parser of outside bytes (SECONDS_EACH=15)'
	@echo 'make bench           round trips, CPU, memory, throughput beside msmtp; many machines'
	@echo 'make bench-queue     a queue filled and flushed beside nullmailer, dma and Postfix (root)'
	@echo 'make coverage        line coverage of make check'
	@echo 'make install         PREFIX=$(PREFIX) SYSCONFDIR=$(SYSCONFDIR) LOCALSTATEDIR=$(LOCALSTATEDIR) DESTDIR='
	@echo 'make install-sendmail   and be the system'"'"'s sendmail, mailq and newaliases (root)'
	@echo 'make uninstall-sendmail uninstall clean help'

always:

.PHONY: all always check asan coverage check-clang check-servers check-crash check-callers fuzz lint bench bench-queue demo install \
        uninstall may-install-sendmail install-sendmail uninstall-sendmail clean help
.SECONDARY:
