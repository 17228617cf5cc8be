//go:build !race

package webhook_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/formbridge/tenantsecrets/webhook"
)

// What a guard does with millions of messages: the race detector would make minutes of
// it, and allocates on its own.

// refusedAt returns how many of a tenant's messages a guard refuses, at so many a
// second.
func refusedAt(t *testing.T, g webhook.ReplayGuard, perSecond int, during time.Duration) (refused int) {
	for second := range int(during / time.Second) {
		k := webhook.ReplayKey{Tenant: tenant, Timestamp: strconv.Itoa(second)}
		for i := range perSecond {
			k.ID = strconv.Itoa(i)
			if g.Claim(t.Context(), k, hold) != nil {
				refused++
			}
		}
		time.Sleep(time.Second)
	}
	return refused
}

// A busy tenant's valid messages are accepted, second after second, for as long as the
// guard has to remember them and after that.
func TestBusyTenant(t *testing.T) {
	during, full := hold+10*time.Second, os.Getenv("TENANTSECRETS_DEPTH") == "full"
	if full {
		during = 2 * hold
	}
	for _, perSecond := range []int{54, 200, 5000} {
		t.Run(fmt.Sprint(perSecond, " a second"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if refused := refusedAt(t, webhook.NewMemoryReplayGuard(0), perSecond, during); refused != 0 {
					t.Errorf("%d of %d were refused", refused, perSecond*int(during/time.Second))
				}
				if perSecond > 1000 && !full {
					return // what the control does is clear from the others
				}
				control := refusedAt(t, &quarterGuard{}, perSecond, during)
				t.Logf("the control refuses %d of %d", control, perSecond*int(during/time.Second))
				if (control > 0) != (perSecond > 54) {
					t.Errorf("the control refuses %d: it does not tell the rates apart", control)
				}
			})
		})
	}
}

// heapInUse is what is left on the heap after a collection.
func heapInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// What a message takes, as the documentation of NewMemoryReplayGuard says it, and that it
// is given back.
func TestReplayMemory(t *testing.T) {
	const mostBytes = 64
	synctest.Test(t, func(t *testing.T) {
		before := heapInUse()
		g := webhook.NewMemoryReplayGuard(0)
		claim := func(from, to int) {
			k := webhook.ReplayKey{Tenant: tenant, Timestamp: "1"}
			for i := from; i < to; i++ {
				k.ID = strconv.Itoa(i)
				if err := g.Claim(t.Context(), k, hold); err != nil {
					t.Fatal(err)
				}
			}
		}
		claimed := 0
		for _, n := range []int{400_000, 700_000, 1_000_000} {
			claim(claimed, n)
			claimed = n
			each := float64(heapInUse()-before) / float64(n)
			t.Logf("%d messages take %.1f bytes each", n, each)
			if each > mostBytes {
				t.Errorf("%d messages take %.1f bytes each, want at most %d", n, each, mostBytes)
			}
		}
		time.Sleep(hold + time.Second)
		claim(claimed, claimed+2_000) // the next ones give back what is over
		if left := heapInUse() - before; left > 2<<20 {
			t.Errorf("%d KiB are left of a burst that is over", left>>10)
		}
		runtime.KeepAlive(g)
	})
}
