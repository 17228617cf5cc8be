package rotation_test

import (
	"errors"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// TestPendingKeyIsNoKey asks readers new and old before and after every step: a tag
// that is made with the pending key is refused until the version is current.
func TestPendingKeyIsNoKey(t *testing.T) {
	inSteps(t, func(d *stepwise) {
		refused := func(when string) {
			d.Helper()
			pending := d.sign(d.event.ClientRequestToken)
			time.Sleep(10 * time.Second) // for the reader below: a mismatch has it read again
			for _, err := range []error{d.verify(pending), d.client.VerifyHMAC(d.Context(), tenant, signedByFirst, pending)} {
				if !errors.Is(err, tenantsecrets.ErrMismatch) {
					d.Errorf("%s: error %v", when, err)
				}
			}
			d.checkFirst()
		}
		d.checkFirst() // the pending version is empty yet
		for _, step := range fourSteps[:3] {
			d.mustTake(step)
			refused("after " + step)
		}
		d.mustTake("finishSecret")
		d.checkComplete()
		time.Sleep(10 * time.Second)
		if err := d.client.VerifyHMAC(d.Context(), tenant, signedByFirst, d.sign(d.event.ClientRequestToken)); err != nil {
			d.Errorf("a reader of before: %v", err)
		}
	})
}

// TestWhatSignsAfterARotation follows both keys to the end of the first: it signs for as
// long as a reader may not have seen the new one, and is accepted for a day after that.
func TestWhatSignsAfterARotation(t *testing.T) {
	inSteps(t, func(d *stepwise) {
		created := time.Now()
		d.mustTake(fourSteps[:3]...)
		time.Sleep(10 * time.Minute) // some steps take long
		d.mustTake("finishSecret")
		newest := d.sign(d.event.ClientRequestToken)
		signs := created.Add(time.Hour + 20*time.Minute) // MaxStale, 5 min, and 15 min for the steps
		ends := signs.Add(24 * time.Hour)
		for _, want := range []struct {
			at    time.Time
			signs string
			first error
		}{
			{time.Now(), d.first, nil},
			{signs.Add(-time.Second), d.first, nil},
			{signs, newest, nil},
			{ends.Add(-time.Second), newest, nil},
			{ends, newest, tenantsecrets.ErrMismatch},
		} {
			time.Sleep(time.Until(want.at))
			if got := d.signNow(); got != want.signs {
				d.Errorf("after %v the wrong key signs", want.at.Sub(created))
			}
			if err := d.verify(d.first); !errors.Is(err, want.first) {
				d.Errorf("after %v the first key: %v, want %v", want.at.Sub(created), err, want.first)
			}
			if err := d.verify(newest); err != nil {
				d.Errorf("after %v the new key: %v", want.at.Sub(created), err)
			}
		}
	})
}

// signNow signs as a process does that has read nothing before.
func (d *stepwise) signNow() string {
	d.Helper()
	c, err := tenantsecrets.New(d.backend, naming)
	if err != nil {
		d.Fatal(err)
	}
	defer c.Close()
	s, err := c.TenantSecret(d.Context(), tenant)
	if err != nil {
		d.Fatal(err)
	}
	signature, err := tenantsecrets.SignHMAC(s.Keys(), signedByFirst)
	if err != nil {
		d.Fatal(err)
	}
	return signature
}

// TestRoutineWritesWaitForARotation is about Rotate and Rollback while AWS rotates: they
// refuse, unless there is nothing to write, and write nothing.
func TestRoutineWritesWaitForARotation(t *testing.T) {
	inSecondRotation(t, func(d *stepwise, older string) {
		for _, step := range append([]string{""}, fourSteps[:3]...) {
			if step != "" {
				d.mustTake(step)
			}
			d.backend.ClearCalls()
			if _, err := d.rotator.Rotate(d.Context(), tenant); !errors.Is(err, rotation.ErrRotationInProgress) {
				d.Errorf("after %q: Rotate: error %v", step, err)
			}
			if _, err := d.rotator.Rotate(d.Context(), tenant, func(o *rotation.RotateOptions) { o.DryRun = true }); !errors.Is(err, rotation.ErrRotationInProgress) {
				d.Errorf("after %q: a dry run: error %v", step, err)
			}
			if _, err := d.rotator.Rollback(d.Context(), tenant, older); !errors.Is(err, rotation.ErrRotationInProgress) {
				d.Errorf("after %q: Rollback: error %v", step, err)
			}
			d.wants(rotation.TooYoung)(d.rotator.Rotate(d.Context(), tenant, func(o *rotation.RotateOptions) { o.OlderThan = time.Hour }))
			d.wants(rotation.AlreadyDone)(d.rotator.Rollback(d.Context(), tenant, d.holder(stageCurrent)))
			d.checkNoWrites()
		}
		d.mustTake("finishSecret")
		d.checkComplete()
		d.wants(rotation.Done)(d.rotator.Rollback(d.Context(), tenant, older))
		d.wants(rotation.Done)(d.rotator.Rotate(d.Context(), tenant))
	})
}

// TestRotateAllTellsOfARotation rotates the others.
func TestRotateAllTellsOfARotation(t *testing.T) {
	inSteps(t, func(d *stepwise) {
		d.tenantARN("t_other")
		time.Sleep(2 * time.Hour)
		failed := map[string]error{}
		summary, err := d.rotator.RotateAll(d.Context(), nil, func(o *rotation.RotateAllOptions) {
			o.Progress = func(tenant string, _ rotation.Result, err error) { failed[tenant] = err }
		})
		if !errors.Is(err, rotation.ErrRotationInProgress) || summary.Rotated != 1 || summary.Failed != 1 {
			d.Errorf("%+v, error %v", summary, err)
		}
		if !errors.Is(failed[tenant], rotation.ErrRotationInProgress) || failed["t_other"] != nil {
			d.Errorf("tenants: %v", failed)
		}
	})
}

// TestRevocationsDoNotWait revoke while AWS rotates, and take AWSPENDING off.
func TestRevocationsDoNotWait(t *testing.T) {
	for i := range fourSteps {
		inSteps(t, func(d *stepwise) {
			d.mustTake(fourSteps[:i]...)
			d.wants(rotation.Done)(d.rotator.RevokeAll(d.Context(), tenant))
			if pending := d.holder(stagePending); pending != "" {
				d.Errorf("%s is still pending", pending)
			}
			for _, step := range fourSteps {
				d.wantsError(step, rotation.ErrStep)
			}
			d.begin()
			d.mustTake(fourSteps...)
			if err := d.verify(d.first); !errors.Is(err, tenantsecrets.ErrMismatch) {
				d.Errorf("a revoked key came back: error %v", err)
			}
			if err := d.verify(d.sign(d.event.ClientRequestToken)); err != nil {
				d.Errorf("the new key: %v", err)
			}
		})
	}
}

// TestPendingOnWhatIsCurrent is no rotation: the label was left there by one that came
// to its end.
func TestPendingOnWhatIsCurrent(t *testing.T) {
	dangling := func(test func(d *stepwise, older string)) {
		inSecondRotation(t, func(d *stepwise, older string) {
			d.mustTake(fourSteps[:3]...)
			remove := d.backend.Inject(secretstest.Fault{Operation: "UpdateSecretVersionStage", After: 1, Err: secretstest.Throttling()})
			d.wantsError("finishSecret", tenantsecrets.ErrUnavailable)
			remove()
			if current, pending := d.holder(stageCurrent), d.holder(stagePending); current != d.event.ClientRequestToken || pending != current {
				d.Fatalf("%s is current and %s pending", current, pending)
			}
			test(d, older)
		})
	}
	gone := func(d *stepwise) {
		d.Helper()
		if pending := d.holder(stagePending); pending != "" {
			d.Errorf("%s is still pending", pending)
		}
	}
	dangling(func(d *stepwise, _ string) {
		d.wants(rotation.Done)(d.rotator.Rotate(d.Context(), tenant))
		gone(d)
		d.checkFirst()
	})
	dangling(func(d *stepwise, older string) {
		d.wants(rotation.Done)(d.rotator.Rollback(d.Context(), tenant, older))
		gone(d)
		d.checkFirst()
	})
	dangling(func(d *stepwise, older string) {
		d.wants(rotation.Done)(d.rotator.Revoke(d.Context(), tenant, older))
		gone(d)
	})
	dangling(func(d *stepwise, _ string) {
		d.begin() // Secrets Manager moves the label
		d.mustTake(fourSteps...)
		d.checkComplete()
	})
	dangling(func(d *stepwise, _ string) {
		for _, step := range fourSteps {
			d.mustTake(step) // and so do all steps that are repeated
			d.checkComplete()
		}
	})
}
