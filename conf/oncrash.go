package conf

// OnCrash is the value of on_crash: what becomes of programs that outlived a daemon.
type OnCrash uint8

const (
	CrashAdopt OnCrash = iota // the next daemon goes on with them
	CrashKill                 // it stops them first
)

// onCrashWords are the words of on_crash, by OnCrash. It is never changed.
var onCrashWords = []string{"adopt", "kill"}

// Set takes adopt or kill.
func (x *OnCrash) Set(v any) error {
	i, err := oneOf(v, onCrashWords)
	if err == nil {
		*x = OnCrash(i)
	}
	return err
}

// String is the value as Set reads it.
func (x OnCrash) String() string { return onCrashWords[x] }
