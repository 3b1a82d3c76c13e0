package conf

// parseINI reads Supervisor's INI dialect: Python's RawConfigParser as supervisord sets it up.
func parseINI(file string, text []byte) (*document, Errors) { panic("internal error: not built yet") }
