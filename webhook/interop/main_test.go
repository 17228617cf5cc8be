package interop_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// depth is how many messages to try, where a few will do on most days.
func depth(few int) int {
	if os.Getenv("TENANTSECRETS_DEPTH") == "full" {
		return 10 * few
	}
	return few
}
