package conf

// Pos is where the option is written, or the zero Pos when it has its default.
func (o *Origin) Pos(key string) Pos {
	if o == nil {
		return Pos{}
	}
	if _, ok := o.flags[key]; ok {
		return Pos{}
	}
	for _, p := range o.places {
		if options()[p.option].name == key {
			return Pos{File: o.files[p.file], Line: int(p.line)}
		}
	}
	return Pos{}
}

// Given says whether the option is written somewhere, or was on the command line.
func (o *Origin) Given(key string) bool {
	if o == nil {
		return false
	}
	_, flag := o.flags[key]
	return flag || o.Pos(key) != Pos{}
}

// Start is where the section begins.
func (o *Origin) Start() Pos {
	if o == nil {
		return Pos{}
	}
	return o.pos
}

// or is the first of the two places that is known: that of an option, else its section.
func (p Pos) or(q Pos) Pos {
	if p == (Pos{}) {
		return q
	}
	return p
}
