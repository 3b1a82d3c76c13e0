package conf

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// What supervisord gives to getopt.
const daemonShort = "c:d:e:hi:j:kl:m:nq:stu:vy:z:a:?"

var daemonLong = []string{"configuration=", "nodaemon", "silent", "help", "version", "user=", "umask=", "directory=",
	"logfile=", "logfile_maxbytes=", "logfile_backups=", "loglevel=", "pidfile=", "identifier=", "childlogdir=",
	"nocleanup", "minfds=", "strip_ansi", "minprocs=", "profile_options="}

var getoptCases = []struct {
	name, args, opts, rest, err string // words with blanks between, "~" for an empty one
}{
	{name: "nothing"},
	{name: "short", args: "-n -c x", opts: "-n= -c=x"},
	{name: "short together", args: "-nscx", opts: "-n= -s= -c=x"},
	{name: "value is an option", args: "-c -n", opts: "-c=-n"},
	{name: "question mark", args: "-?", opts: "-?="},
	{name: "long", args: "--nodaemon --configuration x", opts: "--nodaemon= --configuration=x"},
	{name: "long with equals", args: "--configuration=x=y", opts: "--configuration=x=y"},
	{name: "long, empty value", args: "--configuration=", opts: "--configuration="},
	{name: "prefix", args: "--nodaem --conf=x", opts: "--nodaemon= --configuration=x"},
	{name: "exact beats longer", args: "--logfile x", opts: "--logfile=x"},
	{name: "stops at a word", args: "-n start -c x", opts: "-n=", rest: "start -c x"},
	{name: "stops at two dashes", args: "-n -- -c x", opts: "-n=", rest: "-c x"},
	{name: "one dash is a word", args: "- -n", rest: "- -n"},
	{name: "empty word", args: "~ -n", rest: "~ -n"},
	{name: "unknown short", args: "-Z", err: "option -Z not recognized"},
	{name: "unknown short, umlaut", args: "-ä", err: "option -ä not recognized"},
	{name: "colon", args: "-:", err: "option -: not recognized"},
	{name: "unknown long", args: "--foo", err: "option --foo not recognized"},
	{name: "unknown long with value", args: "--foo=1", err: "option --foo not recognized"},
	{name: "short without value", args: "-c", err: "option -c requires argument"},
	{name: "long without value", args: "--conf", err: "option --configuration requires argument"},
	{name: "not unique", args: "--no", err: "option --no not a unique prefix"},
	{name: "not unique, same beginning", args: "--log x", err: "option --log not a unique prefix"},
	{name: "unwanted value", args: "--nodaem=1", err: "option --nodaemon must not have an argument"},
	{name: "unwanted empty value", args: "--help=", err: "option --help must not have an argument"},
	{name: "equals alone", args: "--=x", err: "option -- not a unique prefix"},
}

func wordList(s string) []string {
	list := strings.Fields(s)
	for i := range list {
		if list[i] == "~" {
			list[i] = ""
		}
	}
	return list
}

func optText(opts []Opt) string {
	var b []string
	for _, o := range opts {
		b = append(b, o.Flag+"="+o.Value)
	}
	return strings.Join(b, " ")
}

func TestGetopt(t *testing.T) {
	t.Parallel()
	for _, c := range getoptCases {
		t.Run(c.name, func(t *testing.T) {
			opts, rest, err := Getopt(wordList(c.args), daemonShort, daemonLong)
			if optText(opts) != c.opts || !slices.Equal(rest, wordList(c.rest)) || text(err) != c.err {
				t.Errorf("Getopt(%s) = %q, %q, %v, want %q, %q, %q", c.args, optText(opts), rest, err, c.opts, c.rest, c.err)
			}
		})
	}
}

func TestGetoptPython(t *testing.T) {
	t.Parallel()
	o := newOracle(t)
	r := rand.New(rand.NewPCG(9, 10))
	pieces := strings.Fields("- -- -n -c -nc -ncx -cx -Z -: -? --no --nodaemon --nodaem --conf --configuration=x --conf= --nodaemon=1 --log --logfile --logfile_m=5 --= --foo x ~ start -\u00e9")
	var lists [][]string
	var args []any
	for _, c := range getoptCases {
		lists = append(lists, wordList(c.args))
	}
	for range 3000 {
		var list []string
		for range r.IntN(5) {
			list = append(list, pieces[r.IntN(len(pieces))])
		}
		lists = append(lists, wordList(strings.Join(list, " ")))
	}
	for _, list := range lists {
		args = append(args, map[string]any{"args": list, "short": daemonShort, "long": daemonLong})
	}
	for i, a := range o.askAll(t, "options", args) {
		opts, rest, err := Getopt(lists[i], daemonShort, daemonLong)
		if a.Failed || err != nil {
			if text(err) != a.Error {
				t.Errorf("Getopt(%q) fails with %v, Python with %q", lists[i], err, a.Error)
			}
			continue
		}
		want := result[[2][]any](t, a)
		var wantOpts []Opt
		for _, p := range want[0] {
			pair := p.([]any)
			wantOpts = append(wantOpts, Opt{pair[0].(string), pair[1].(string)})
		}
		var wantRest []string
		for _, w := range want[1] {
			wantRest = append(wantRest, w.(string))
		}
		if !slices.Equal(opts, wantOpts) || !slices.Equal(rest, wantRest) {
			t.Errorf("Getopt(%q) = %q, %q, Python has %q, %q", lists[i], opts, rest, wantOpts, wantRest)
		}
	}
}
