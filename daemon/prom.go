package daemon

import (
	"strconv"
	"strings"
)

// prom writes Prometheus's text format. A family is begun once and its samples follow.
type prom struct {
	text []byte
	name string // of the family
	head []byte // its lines, written with the first sample: no family is empty
	some bool   // the sample under way has labels
	skip bool   // the sample under way is not known
}

// family begins a metric.
func (p *prom) family(name, kind, help string) {
	p.name = name
	p.head = append(p.head[:0], "# HELP "...)
	p.head = append(append(p.head, name...), ' ')
	p.head = append(p.head, strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(help)...)
	p.head = append(append(p.head, "\n# TYPE "...), name...)
	p.head = append(append(append(p.head, ' '), kind...), '\n')
}

// sample begins a sample with labels: name, value, name, value. A value ends it.
func (p *prom) sample(labels ...string) *prom {
	p.text = append(p.text, p.head...)
	p.head = p.head[:0]
	p.text = append(p.text, p.name...)
	p.some, p.skip = false, false
	return p.labels(labels...)
}

// known begins a sample that is left out unless ok.
func (p *prom) known(ok bool) *prom {
	if !ok {
		p.skip = true
		return p
	}
	return p.sample()
}

// labels adds labels to the sample.
func (p *prom) labels(labels ...string) *prom {
	for i := 0; i+1 < len(labels); i += 2 {
		if p.some {
			p.text = append(p.text, ',')
		} else {
			p.text = append(p.text, '{')
		}
		p.some = true
		p.text = append(append(p.text, labels[i]...), `="`...)
		p.text = appendLabel(p.text, labels[i+1])
		p.text = append(p.text, '"')
	}
	return p
}

// appendLabel escapes a label's value, which must be UTF-8.
func appendLabel(dst []byte, s string) []byte {
	for _, r := range s { // a byte that is not UTF-8 becomes U+FFFD
		switch r {
		case '\\', '"':
			dst = append(dst, '\\', byte(r))
		case '\n':
			dst = append(dst, `\n`...)
		default:
			dst = append(dst, string(r)...)
		}
	}
	return dst
}

func (p *prom) int(n int64) {
	if p.begun() {
		p.text = append(strconv.AppendInt(p.text, n, 10), '\n')
	}
}

func (p *prom) float(x float64) {
	if p.begun() {
		p.text = append(strconv.AppendFloat(p.text, x, 'g', -1, 64), '\n')
	}
}

func (p *prom) bool(b bool) {
	n := int64(0)
	if b {
		n = 1
	}
	p.int(n)
}

// begun closes the labels; false when the sample is left out.
func (p *prom) begun() bool {
	if p.skip {
		p.skip = false
		return false
	}
	if p.some {
		p.text = append(p.text, '}')
	}
	p.text = append(p.text, ' ')
	return true
}
