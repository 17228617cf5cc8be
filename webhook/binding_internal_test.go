package webhook

import (
	"runtime"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// A client that is no longer used is collected, and its binding is removed.
func TestBoundClientsAreForgotten(t *testing.T) {
	bound := func() int {
		bindings.Lock()
		defer bindings.Unlock()
		return len(bindings.signed)
	}
	runtime.GC()
	before := bound()
	for range 10 {
		c, err := tenantsecrets.New(secretstest.New(), tenantsecrets.Naming{Environment: "prod", Service: "formbridge"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(c); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	deadline := time.Now().Add(10 * time.Second)
	for bound() > before && time.Now().Before(deadline) {
		runtime.GC() // cleanups run some time after a collection
		runtime.Gosched()
	}
	if left := bound() - before; left > 0 {
		t.Errorf("%d of 10 clients are still there", left)
	}
}
