package daemon

// Supervisor's version numbers that gosv answers with, and its own.
const (
	Version           = "0.1.0" + next // of gosv
	SupervisorVersion = "4.2.5"        // whose behaviour is offered: getSupervisorVersion
	APIVersion        = "3.0"          // getAPIVersion
)
