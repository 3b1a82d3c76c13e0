package conf

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Opt is one option found by Getopt.
type Opt struct {
	Flag  string // "-c" or the full "--configuration"
	Value string // "" for an option without argument
}

// Getopt is Python's getopt.getopt: options until the first word that is none, or "--".
// short is like "nc:", long like {"nodaemon", "configuration="}; a long option may be
// shortened to a unique prefix. The errors have Python's texts.
func Getopt(args []string, short string, long []string) (opts []Opt, rest []string, err error) {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "-" {
		word := args[0]
		args = args[1:]
		if word == "--" {
			break
		}
		if name, ok := strings.CutPrefix(word, "--"); ok {
			opts, args, err = longOption(opts, name, long, args)
		} else {
			opts, args, err = shortOptions(opts, word[1:], short, args)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return opts, args, nil
}

func longOption(opts []Opt, word string, long, args []string) ([]Opt, []string, error) {
	name, value, given := strings.Cut(word, "=")
	name, wants, err := findLong(name, long)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case !wants && given:
		return nil, nil, fmt.Errorf("option --%s must not have an argument", name)
	case wants && !given && len(args) == 0:
		return nil, nil, fmt.Errorf("option --%s requires argument", name)
	case wants && !given:
		value, args = args[0], args[1:]
	}
	return append(opts, Opt{"--" + name, value}), args, nil
}

// findLong is the full name of the long option meant by prefix, and whether it wants an argument.
func findLong(prefix string, long []string) (name string, wants bool, err error) {
	var found []string
	for _, l := range long {
		if strings.HasPrefix(l, prefix) {
			found = append(found, l)
		}
	}
	switch {
	case len(found) == 0:
		return "", false, fmt.Errorf("option --%s not recognized", prefix)
	case slices.Contains(found, prefix):
		return prefix, false, nil
	case slices.Contains(found, prefix+"="):
		return prefix, true, nil
	case len(found) > 1:
		return "", false, fmt.Errorf("option --%s not a unique prefix", prefix)
	}
	name, wants = strings.CutSuffix(found[0], "=")
	return name, wants, nil
}

// shortOptions reads one word of short options, "nc" or "cFILE".
func shortOptions(opts []Opt, word, short string, args []string) ([]Opt, []string, error) {
	for word != "" {
		_, n := utf8.DecodeRuneInString(word)
		letter := word[:n]
		word = word[n:]
		at := strings.Index(short, letter)
		if at < 0 || letter == ":" {
			return nil, nil, fmt.Errorf("option -%s not recognized", letter)
		}
		value := ""
		if strings.HasPrefix(short[at+len(letter):], ":") {
			if word == "" {
				if len(args) == 0 {
					return nil, nil, fmt.Errorf("option -%s requires argument", letter)
				}
				word, args = args[0], args[1:]
			}
			value, word = word, ""
		}
		opts = append(opts, Opt{"-" + letter, value})
	}
	return opts, args, nil
}
