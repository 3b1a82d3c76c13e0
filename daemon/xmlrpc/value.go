package xmlrpc

// Struct is a struct value, in the order in which its members are sent.
type Struct []Member

// Member is a named value of a Struct.
type Member struct {
	Name  string
	Value any
}

// Get finds a member. When a name occurs twice the later one counts.
func (s Struct) Get(name string) (value any, ok bool) {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i].Name == name {
			return s[i].Value, true
		}
	}
	return nil, false
}

// Appender is a value that writes itself: a whole <value> element with the newline that
// follows it.
type Appender interface {
	AppendXMLRPC(dst []byte) []byte
}

// dateTime is the layout of dateTime.iso8601, which has no time zone.
const dateTime = "20060102T15:04:05"
