package conf

import (
	"os"
	"testing"

	"gosv/proc/testenv"
)

func TestMain(m *testing.M) {
	testenv.Plain()
	os.Exit(m.Run())
}
