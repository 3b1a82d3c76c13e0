# gosv: what a person or CI types here. Every target stands alone.

GO      ?= go
# No man pages of urfave/cli; no HTTP/2 and no assembly of crypto, which only HTTPS would use.
TAGS     = urfave_cli_no_docs,nethttpomithttp2,purego
# What no hot path goes through is compiled without inlining: 0.9 MB less.
COLD     = compress/... crypto/... encoding/asn1 flag github.com/... gopkg.in/... gosv/conf gosv/ctl gosv/daemon gosv/daemon/web hash/... html/... log/... math/big mime/... net/textproto net/url os/user regexp/... text/... vendor/...
# What Go 1.26 does otherwise than 1.25, and what costs each start: its collector keeps its marks inside each span, so
# that another page of each is touched (0.3 ms), and its heap begins at another address each time (0.2 ms), which
# protects what C code could overwrite, of which there is none. A Go that cannot do without is not asked to.
OLDGO   := $(shell for e in nogreenteagc norandomizedheapbase64; do GOEXPERIMENT=$$e $(GO) version >/dev/null 2>&1 && printf ,$$e; done)
GOBUILD  = CGO_ENABLED=0 GOEXPERIMENT=$(OLDGO:,%=%) $(GO) build -trimpath -tags $(TAGS) -ldflags '-s -w -funcalign=16' $(foreach p,$(COLD),-gcflags=$(p)=-l)
T       ?= 30s
# Where make image puts its files, and for which architectures.
DIST    ?= dist
ARCHES  ?= amd64 arm64

.PHONY: build demo image test check others arm64 race script compat fuzz soak bench golden docs clean
.DEFAULT_GOAL = build

# The linker writes through a mapping, a page at a time, and so the kernel keeps the file: each look at
# another part of it costs three times as much as in one that was written in blocks (docs/performance.md).
build: gosv ## ./gosv and the names of Supervisor's programs beside it
gosv: FORCE
	@$(GOBUILD) -o gosv .
	@dd if=gosv of=gosv.new bs=131072 2>/dev/null && chmod +x gosv.new && mv -f gosv.new gosv
	@for name in supervisord supervisorctl echo_supervisord_conf pidproxy; do ln -sf gosv $$name; done
FORCE:

demo: build ## the main job on three little programs; Ctrl-C ends it
	@./gosv demo

image: ## dist/gosv-linux-{amd64,arm64}.tar, the same bytes each time, for podman load or docker load
	@mkdir -p $(DIST)
	@for arch in $(ARCHES); do \
	  GOOS=linux GOARCH=$$arch $(GOBUILD) -buildvcs=false -o $(DIST)/gosv-linux-$$arch . && \
	  sh packaging/image.sh $(DIST)/gosv-linux-$$arch $$arch $(DIST)/gosv-linux-$$arch.tar || exit 1; \
	done

test: ## everything, for real: installs what the tests need where it may
	@sh packaging/test.sh

check: ## before every commit, under a minute
	@files=$$(gofmt -l . | grep -v testdata/); [ -z "$$files" ] || { echo "gofmt these: $$files"; exit 1; }
	@$(GO) vet -tags $(TAGS) ./...
	@$(GO) test -tags $(TAGS) -short ./...

others: ## the code and its tests as other systems see them; what they link against is compiled once, in a minute each
	@for os in darwin freebsd; do GOOS=$$os $(GO) vet -tags $(TAGS) ./... || exit 1; done
	@GOOS=linux GOARCH=386 $(GO) vet -tags $(TAGS) ./...
	@GOOS=linux GOARCH=arm64 CGO_ENABLED=0 $(GO) build -tags $(TAGS) -o /dev/null . # vet does not link, and there is assembly

arm64: ## the packages' tests on an emulated arm64 system with gosv as PID 1, in minutes; PKGS="proc logs" chooses
	@mkdir -p $(DIST)
	@GOOS=linux GOARCH=arm64 $(GOBUILD) -buildvcs=false -o $(DIST)/gosv-linux-arm64 . && sh packaging/arm64.sh $(DIST)/gosv-linux-arm64

race: ## the same tests with the race detector, shuffled, three times
	$(GO) test -tags $(TAGS) -race -shuffle=on -count=3 ./...

script: build ## end-to-end scripts with real processes
	$(GO) test -tags $(TAGS) -run 'TestScript' -v .

compat: build ## the same scripts against the original and against gosv
	$(GO) test -tags $(TAGS) -run 'TestCompat' -v .

fuzz: ## every fuzz target for T (default 30s)
	@for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -tags $(TAGS) -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "$$pkg $$f"; $(GO) test -tags $(TAGS) -run '^$$' -fuzz "^$$f$$" -fuzztime $(T) $$pkg || exit 1; \
	  done; done

soak: T = 10m
soak: ## random operations and faults against a model for T (10m); SEED=n repeats a run
	GOSV_SOAK=$(T) GOSV_SEED=$(SEED) $(GO) test -tags $(TAGS) -run '^TestSoak$$' -v -count 1 -timeout 0 .

bench: ## ten runs of the benchmarks, for benchstat, into bench.txt
	$(GO) test -tags $(TAGS) -run '^$$' -bench . -benchmem -count 10 ./... | tee bench.txt

compare: build ## gosv beside all installed peers and the kernel's limits (about 20 quiet minutes), into docs/performance.md
	python3 testdata/bench/compare.py --check

golden docs: ## refresh golden and generated files, then look at the difference
	$(GO) test -tags $(TAGS) -short ./conf ./ctl ./daemon ./proc/state -update
	@git diff --stat

clean:
	rm -f gosv supervisord supervisorctl echo_supervisord_conf pidproxy bench.txt
	rm -rf dist
