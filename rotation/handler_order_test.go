package rotation_test

import (
	"context"
	"iter"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// sequences yields every sequence of the four steps of 1 to a number of steps: the 24
// orders of all four are among those of 4.
func sequences(longest int) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		var grow func(taken []string) bool
		grow = func(taken []string) bool {
			if len(taken) > 0 && !yield(taken) {
				return false
			}
			if len(taken) == longest {
				return true
			}
			for _, step := range fourSteps {
				if !grow(append(taken[:len(taken):len(taken)], step)) {
					return false
				}
			}
			return true
		}
		grow(nil)
	}
}

// inOrder tells whether steps were taken in that order, whatever was between them.
func inOrder(taken []string, order ...string) bool {
	for _, step := range taken {
		if len(order) > 0 && step == order[0] {
			order = order[1:]
		}
	}
	return len(order) == 0
}

// isOrderOfAll tells whether each of the four steps was taken once.
func isOrderOfAll(taken []string) bool {
	for _, step := range fourSteps {
		if !slices.Contains(taken, step) {
			return false
		}
	}
	return len(taken) == len(fourSteps)
}

// longestSequence is how many steps a test of orders takes: 340 sequences of up to 4,
// 1364 of up to 5.
func longestSequence() int {
	if os.Getenv("TENANTSECRETS_DEPTH") == "full" {
		return 5
	}
	return 4
}

// TestEveryOrderOfSteps takes the steps in every order, some of them never and some
// several times, and then in the proper one. An HMAC secret has no target system, so that
// finishSecret needs nothing but createSecret before it.
func TestEveryOrderOfSteps(t *testing.T) {
	for taken := range sequences(longestSequence()) {
		inSteps(t, func(d *stepwise) {
			before := d.holder(stageCurrent)
			for i, step := range taken {
				err := d.take(step)
				created := inOrder(taken[:i+1], "createSecret")
				if (err == nil) != created {
					t.Errorf("%v: step %d: error %v", taken, i, err)
				}
				d.checkFirst()
				want := before
				if inOrder(taken[:i+1], "createSecret", "finishSecret") {
					want = d.event.ClientRequestToken
				}
				if got := d.holder(stageCurrent); got != want {
					t.Errorf("%v: after step %d %s is current, want %s", taken, i, got, want)
				}
			}
			d.mustTake(fourSteps...)
			d.checkComplete()
		})
	}
}

// TestTokensOfAnotherRotation takes steps with the token of the rotation before and of
// one that never was, between those of the one under way.
func TestTokensOfAnotherRotation(t *testing.T) {
	inSteps(t, func(d *stepwise) {
		d.mustTake(fourSteps...)
		past := d.event
		d.begin()
		stray := func() {
			for _, step := range fourSteps {
				never := d.event
				never.Step, never.ClientRequestToken = step, strings.Repeat("0", 36)
				if err := d.handle(d.Context(), never); err == nil {
					d.Errorf("%s of no rotation was taken", step)
				}
				past.Step = step
				_ = d.handle(d.Context(), past) // nothing to do while its version is current, refused after
			}
		}
		for _, step := range fourSteps {
			stray()
			d.mustTake(step)
		}
		stray()
		d.checkComplete()
	})
}

// TestTwoInvocationsAtOnce lets two of every step run at once, with answers that take
// now one, now the other longer.
func TestTwoInvocationsAtOnce(t *testing.T) {
	for seed := range uint64(40) {
		inSteps(t, func(d *stepwise) {
			remove := d.backend.Inject(
				secretstest.Fault{Delay: time.Second},
				secretstest.Fault{Delay: 3 * time.Second / 2, Probability: 0.3, Seed: seed},
				secretstest.Fault{Delay: time.Second, Probability: 0.3, Seed: seed + 1000},
			)
			for _, step := range fourSteps {
				errs := make(chan error, 2)
				for range cap(errs) {
					e := d.event
					e.Step = step
					go func() { errs <- d.handle(context.WithoutCancel(d.Context()), e) }()
				}
				for range cap(errs) {
					if err := <-errs; err != nil {
						d.Errorf("seed %d: %s: %v", seed, step, err)
					}
				}
			}
			remove()
			d.checkComplete()
		})
	}
}

// TestAllStepsAtOnce starts every step twice at once, again and again, until the
// version is current.
func TestAllStepsAtOnce(t *testing.T) {
	for seed := range uint64(40) {
		inSteps(t, func(d *stepwise) {
			remove := d.backend.Inject(
				secretstest.Fault{Delay: time.Second},
				secretstest.Fault{Delay: 2 * time.Second, Probability: 0.5, Seed: seed},
			)
			for range 4 {
				for range 2 {
					for _, step := range fourSteps {
						e := d.event
						e.Step = step
						go func() { _ = d.handle(context.WithoutCancel(d.Context()), e) }()
					}
				}
				time.Sleep(time.Minute)
				synctest.Wait()
			}
			remove()
			d.mustTake(fourSteps...)
			d.checkComplete()
		})
	}
}

// TestStaleReads lets every read be up to a few seconds old. No step may do harm, and
// one that is tried again for long enough succeeds.
func TestStaleReads(t *testing.T) {
	for seed := range uint64(40) {
		inSteps(t, func(d *stepwise) {
			remove := d.backend.Inject(secretstest.Fault{StaleUpTo: 4 * time.Second, Seed: seed})
			for _, step := range fourSteps {
				for tries := 1; d.take(step) != nil; tries++ {
					if tries == 10 {
						d.Fatalf("seed %d: %s fails: %v", seed, step, d.errs[len(d.errs)-1])
					}
					time.Sleep(time.Second)
				}
			}
			remove()
			d.checkComplete()
		})
	}
}

// TestPromotionIsLookedForInAReadThatLags behind the rotation before: what it says is no
// reason to give up.
func TestPromotionIsLookedForInAReadThatLags(t *testing.T) {
	inSteps(t, func(d *stepwise) {
		time.Sleep(time.Minute)
		d.mustTake(fourSteps...)
		time.Sleep(10 * time.Second)
		d.begin()
		d.mustTake(fourSteps[:3]...)
		defer d.backend.Inject(
			secretstest.Fault{Operation: "UpdateSecretVersionStage", Times: 1, Err: secretstest.ConnectionReset()},
			secretstest.Fault{Operation: "DescribeSecret", After: 2, Times: 1, StaleBy: 30 * time.Second},
		)()
		d.mustTake("finishSecret")
		d.checkComplete()
	})
}

// TestPendingThatWasTestedTooLate is about the time between createSecret and
// finishSecret: the new key must not sign before every reader has seen it.
func TestPendingThatWasTestedTooLate(t *testing.T) {
	for late, want := range map[time.Duration]error{15 * time.Minute: nil, 15*time.Minute + time.Second: rotation.ErrAbandoned} {
		for _, step := range []string{"testSecret", "finishSecret"} {
			inSteps(t, func(d *stepwise) {
				d.mustTake("createSecret", "setSecret")
				time.Sleep(late)
				if want == nil {
					d.mustTake("testSecret", "finishSecret")
					d.checkComplete()
					d.checkSeenBeforeItSigns()
					return
				}
				d.wantsError(step, want)
				d.checkGivenUp()
			})
		}
	}
}

// checkSeenBeforeItSigns wants the new key to sign MaxStale and 5 minutes from now at
// the earliest.
func (d *stepwise) checkSeenBeforeItSigns() {
	d.Helper()
	at, err := time.Parse(time.RFC3339, d.member(d.event.ClientRequestToken, "sign_after"))
	if err != nil || time.Until(at) < time.Hour+5*time.Minute {
		d.Errorf("the new key signs in %v, error %v", time.Until(at), err)
	}
}

// checkGivenUp wants a rotation to have left nothing, so that the next one succeeds.
func (d *stepwise) checkGivenUp() {
	d.Helper()
	if pending := d.holder(stagePending); pending != "" {
		d.Errorf("%s is still pending", pending)
	}
	d.checkNotPromoted()
	for _, step := range fourSteps {
		d.wantsError(step, rotation.ErrStep)
	}
	d.begin()
	d.mustTake(fourSteps...)
	d.checkComplete()
}
