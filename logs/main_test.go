package logs

import (
	"os"
	"strconv"
	"testing"

	"gosv/proc/testenv"
)

func TestMain(m *testing.M) {
	if total, err := strconv.Atoi(os.Getenv("LOGS_TEST_WRITE")); err == nil {
		chunk, _ := strconv.Atoi(os.Getenv("LOGS_TEST_CHUNK"))
		writeOut(total, chunk)
	}
	if os.Getenv("LOGS_TEST_STDOUT") != "" {
		logToStdout()
	}
	testenv.Plain()
	os.Exit(m.Run())
}
