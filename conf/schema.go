package conf

import (
	"bytes"
	"encoding/json"
	"io"
)

// Schema writes the JSON Schema (2020-12) of the TOML format, for editors. It knows names
// and types; what Load checks beyond that, such as whether an account exists, it cannot.
func Schema(w io.Writer) error {
	properties := object{}
	for i := range sectionKinds {
		k := &sectionKinds[i]
		s := sectionSchema(k)
		switch {
		case k.named:
			s = object{"type": "object", "description": k.doc, "additionalProperties": s}
		case k.more: // [unix_http_server.b] is one more of the same
			one := sectionSchema(k)
			delete(one, "required")
			inner := sectionSchema(k)
			one["additionalProperties"] = inner
			s = one
		}
		properties[k.name] = s
	}
	root := object{
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"title":                "gosv configuration",
		"type":                 "object",
		"properties":           properties,
		"additionalProperties": false,
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(root); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

type object map[string]any

func sectionSchema(k *sectionKind) object {
	properties := object{}
	var required []string
	for i := range options() {
		o := &options()[i]
		if o.in&k.kind == 0 {
			continue
		}
		var s object
		if err := json.Unmarshal([]byte(o.typ.schema), &s); err != nil {
			panic("internal error: schema of " + o.typ.name + ": " + err.Error())
		}
		s["description"] = o.doc
		if o.def != "" {
			s["default"] = o.schemaDefault()
		}
		properties[o.name] = s
		if o.absent != "" {
			required = append(required, o.name)
		}
	}
	s := object{"type": "object", "description": k.doc, "properties": properties, "additionalProperties": k.free}
	if required != nil && !k.free {
		s["required"] = required
	}
	return s
}

// schemaDefault is the default with the type that TOML gives it.
func (o *option) schemaDefault() any {
	switch o.typ {
	case boolType:
		return o.def == "true"
	case intType, secondsType:
		if n, err := parseInt(o.def); err == nil {
			return n
		}
	case exitcodesType:
		if codes, err := parseExitcodes(o.def); err == nil {
			return codes
		}
	}
	return o.def
}
