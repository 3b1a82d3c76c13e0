// Package conf turns configuration text into a [Config]: one immutable value that
// says everything gosv is to do. It reads Supervisor's INI dialect and TOML; both
// become the same document (sections of settings, each with its file and line),
// and nothing after that knows which it was.
//
// One table (options.go) says what can be configured: it alone drives both formats,
// defaults, hints for unknown keys, conf check, conf show, conf convert, the sample
// file, docs/options.md, the JSON Schema, and the diff that update applies.
//
// conf never acts: loading opens no socket, forks nothing and logs nothing. All
// errors are reported at once, each with file, line and a hint. A Config is never
// changed after Load returned it, so any goroutine may read it.
//
// Start reading at [Load], then options.go.
package conf
