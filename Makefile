# Builds the nginx module and agentctl.  make help lists the targets.

CC        ?= cc
CFLAGS    ?= -O2 -g
BUILD     ?= build

# where nginx's build system and headers are; NGINX_SRC=dir builds against a
# plain source tree instead of the nginx-dev package
NGINX_DEV ?= /usr/share/nginx/src

CORE_CFLAGS = -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -Isrc/core
CORE_LIBS   = -ljwt -ljansson -lcrypto -lm

# agentctl signs nothing, and so runs where libjwt is not installed
CTL_LIBS    = -ljansson -lz -lssl -lcrypto -lm

# src/shm is nginx code; its tests link it with a shim in place of nginx
NGINX_TREE  = $(or $(NGINX_SRC),$(NGINX_DEV))/src
SHM_CFLAGS  = -D_GNU_SOURCE -W -Wall -Wno-unused-parameter -Werror \
              -I$(NGINX_TREE)/core -I$(NGINX_TREE)/event \
              -I$(NGINX_TREE)/event/quic \
              -I$(NGINX_TREE)/event/modules -I$(NGINX_TREE)/os/unix \
              -I$(BUILD)/module -Isrc/core -Isrc/shm -It/unit -It/shm

CORE_SRCS := $(wildcard src/core/*.c)
CORE_OBJS := $(CORE_SRCS:src/core/%.c=$(BUILD)/core/%.o)
CTL_SRCS  := $(wildcard src/agentctl/*.c)
CTL_OBJS  := $(CTL_SRCS:src/agentctl/%.c=$(BUILD)/agentctl.o/%.o) \
             $(filter-out %/agent_assertion.o,$(CORE_OBJS))
UNIT_SRCS := $(wildcard t/unit/test_*.c)
UNITS     := $(UNIT_SRCS:t/unit/%.c=$(BUILD)/unit/%)
SHM_SRCS  := $(wildcard src/shm/*.c)
SHM_TESTS := $(patsubst t/shm/%.c,$(BUILD)/shm/%,$(wildcard t/shm/test_*.c))
HEADERS   := $(wildcard src/*/*.h)

# what of it needs no more of nginx than that shim has
REVOCATION_SRCS := $(addprefix src/revocation/ngx_agent_revocation_, \
                     table.c follow.c)

FUZZ_SRCS := $(wildcard t/fuzz/fuzz_*.c)
FUZZERS   := $(FUZZ_SRCS:t/fuzz/%.c=$(BUILD)/fuzz/%)
FUZZ_OBJS := $(CORE_SRCS:src/core/%.c=$(BUILD)/fuzz/core/%.o)

# seconds for each fuzzer; what it says is in build/fuzz/NAME.log, the directories
# of its corpora are t/fuzz/corpus/NAME (in the tree) and build/fuzz/corpus/NAME
# (what runs found)
FUZZ_SECONDS ?= 60
FUZZ_CC      ?= clang
FUZZ_CFLAGS   = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
                -fno-sanitize-recover=undefined

MODULE    := $(BUILD)/ngx_http_agent_auth_module.so


.PHONY: all help module agentctl unit fuzz fresh bench test clean

all: module agentctl     ## build the module and agentctl (default)

help:                    ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' Makefile

module: $(MODULE)        ## build the nginx module

$(MODULE): config t/lib/build-module $(wildcard src/*/*.c) $(HEADERS)
	@mkdir -p $(BUILD)
	NGINX_SRC="$(NGINX_SRC)" NGINX_DEV="$(NGINX_DEV)" \
	    sh t/lib/build-module $(BUILD)

agentctl: $(BUILD)/agentctl  ## build the command-line tool

$(BUILD)/agentctl: $(CTL_OBJS)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(CTL_LIBS)

$(BUILD)/core/%.o: src/core/%.c $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) $(CFLAGS) -c -o $@ $<

$(BUILD)/agentctl.o/%.o: src/agentctl/%.c $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) -Isrc/agentctl $(CFLAGS) -c -o $@ $<

unit: $(UNITS) $(SHM_TESTS)  ## build the unit tests and run them
	prove -e '' $(UNITS) $(SHM_TESTS)

$(BUILD)/unit/%: t/unit/%.c t/unit/tap.h $(CORE_OBJS) $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) -It/unit $(CFLAGS) -o $@ $< $(CORE_OBJS) $(CORE_LIBS)

$(BUILD)/shm/%: t/shm/%.c t/shm/shim.c $(SHM_SRCS) $(CORE_OBJS) $(MODULE)
	@mkdir -p $(@D)
	$(CC) $(SHM_CFLAGS) $(CFLAGS) -o $@ $< t/shm/shim.c $(SHM_SRCS) \
	    $(CORE_OBJS) $(CORE_LIBS)

# the table of revocations is of another room
$(BUILD)/shm/test_revocation: SHM_CFLAGS += -Isrc/revocation
$(BUILD)/shm/test_revocation: SHM_SRCS += $(REVOCATION_SRCS)
$(BUILD)/shm/test_revocation: $(REVOCATION_SRCS)

fuzz: $(FUZZERS:%=%.run)  ## run each fuzzer for FUZZ_SECONDS (60)

$(BUILD)/fuzz/core/%.o: src/core/%.c $(HEADERS)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(CORE_CFLAGS) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link \
	    -c -o $@ $<

$(BUILD)/fuzz/fuzz_%: t/fuzz/fuzz_%.c $(FUZZ_OBJS) $(HEADERS)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(CORE_CFLAGS) $(FUZZ_CFLAGS) -fsanitize=fuzzer -o $@ $< \
	    $(FUZZ_OBJS) $(CORE_LIBS)

$(BUILD)/fuzz/fuzz_%.run: $(BUILD)/fuzz/fuzz_%
	@sh t/fuzz/run $(BUILD) $* -max_total_time=$(FUZZ_SECONDS) -timeout=60

fresh:                   ## README's commands in bare Debian 12 and 13 (root)
	sh t/fresh

bench: module            ## measure instructions a request, by callgrind
	sh t/bench/run

$(BUILD)/bench/keys: t/bench/keys.c $(CORE_OBJS)
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) $(CFLAGS) -o $@ $< $(CORE_OBJS) $(CORE_LIBS)

$(BUILD)/bench/tokens: t/bench/tokens.c t/unit/jose.h $(CORE_OBJS)
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) -It/unit $(CFLAGS) -o $@ $< $(CORE_OBJS) $(CORE_LIBS)

test:                    ## run everything that must be green
	sh t/run

clean:                   ## remove what was built
	rm -rf $(BUILD)
