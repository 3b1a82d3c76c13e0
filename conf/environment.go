package conf

// parseEnvironment reads the value of environment=: KEY=value pairs with commas between.
func parseEnvironment(s string) (Env, error) { panic("internal error: not built yet") }

// Set takes the text of environment= (string) or a table (map[string]any).
func (e *Env) Set(v any) error { panic("internal error: not built yet") }

// String is the environment as parseEnvironment reads it back.
func (e Env) String() string { panic("internal error: not built yet") }

// Merge is e with the variables of over put over it. Neither is changed.
func (e Env) Merge(over Env) Env { panic("internal error: not built yet") }

// Environ is the list as the kernel wants it: "NAME=value".
func (e Env) Environ() []string { panic("internal error: not built yet") }
