package ctl

func cmdQuit() *command {
	return &command{name: "quit", help: []string{"quit\tExit the supervisor shell."}, run: runExit}
}
