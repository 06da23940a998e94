# The front door. `make demo` and `make test` need nothing but git, make and Debian 12's packages;
# a second run reinstalls and rebuilds nothing.
#
#   make demo    build, start everything on loopback, send a campaign to 20,000 people, show it
#   make test    every test: unit, fault, sanitized, scenarios with real peers, some fuzzing
#   make bench   measure against the floor and the rival; writes bench/RESULTS.md
#   make tsan    the thread sanitizer over engine, store and queue
#   make fuzz    each fuzz target for FUZZ_SECONDS (default 60)
#   make install PREFIX=/usr DESTDIR=...
#   make help    this text

SHELL := /bin/bash
BUILD := build/release
ASAN := build/asan
TSAN := build/tsan
FUZZ := build/fuzz
FUZZ_SECONDS ?= 60
FUZZ_CI_SECONDS ?= 20
JOBS ?= $(shell nproc)
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
STAMP := .cache/packages.stamp

export CC := clang-19
export CXX := clang++-19
export CCACHE_DIR ?= $(HOME)/.cache/ccache
# A clone in another folder finds what this one has compiled.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1

.PHONY: all build demo test unit bench tsan fuzz fuzz-ci format install clean help packages

all: build

help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile

# One list of packages, one place: cmake/packages.txt.
packages: $(STAMP)
$(STAMP): cmake/packages.txt cmake/install_packages.sh
	@bash cmake/install_packages.sh $(SUDO)
	@mkdir -p $(dir $@) && touch $@

$(BUILD)/build.ninja: | packages
	cmake --preset release
build: $(BUILD)/build.ninja
	cmake --build $(BUILD) -j $(JOBS)

demo: $(BUILD)/build.ninja
	cmake --build $(BUILD) -j $(JOBS) --target hikyaku sink
	HK_BIN=$(CURDIR)/$(BUILD)/bin python3 tests/support/demo.py $(DEMO_ARGS)

# The sanitized build holds layers 0 to 3 and the sessions; the release build runs everything.
test: $(BUILD)/build.ninja
	cmake --build $(BUILD) -j $(JOBS)
	ctest --test-dir $(BUILD) --output-on-failure -L unit -j $(JOBS)
	cmake --preset asan
	cmake --build $(ASAN) -j $(JOBS) --target sanitized_tests
	-bash cmake/fetch_peers.sh build/peers
	ctest --test-dir $(ASAN) --output-on-failure -L 'unit|fault' -j $(JOBS)
	ctest --test-dir $(BUILD) --output-on-failure -LE unit
	$(MAKE) fuzz-ci

unit: $(BUILD)/build.ninja
	cmake --build $(BUILD) -j $(JOBS)
	ctest --test-dir $(BUILD) --output-on-failure -L unit -j $(JOBS)

bench: build
	python3 bench/bench.py --build-dir $(BUILD) $(BENCH_ARGS)

tsan: | packages
	cmake --preset tsan
	cmake --build $(TSAN) -j $(JOBS) --target thread_tests
	TSAN_OPTIONS="halt_on_error=1 suppressions=$(CURDIR)/tests/support/tsan.supp" \
	    ctest --test-dir $(TSAN) --output-on-failure -L unit

fuzz: | packages
	cmake --preset fuzz
	cmake --build $(FUZZ) -j $(JOBS) --target fuzzers
	bash tests/fuzz/run.sh $(FUZZ) $(FUZZ_SECONDS)

fuzz-ci: | packages
	cmake --preset fuzz
	cmake --build $(FUZZ) -j $(JOBS) --target fuzzers_ci
	bash tests/fuzz/run_ci.sh $(FUZZ) $(FUZZ_CI_SECONDS)

format: | packages
	git ls-files '*.cpp' '*.h' | xargs clang-format-19 -i

PREFIX ?= /usr/local
install: build
	cmake --install $(BUILD) --prefix $(DESTDIR)$(PREFIX)

clean:
	rm -rf build .cache
