package rotation_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// copyCurrent puts what is current under the token of the rotation under way, as Secrets
// Manager does to test a rotation that does not begin at once.
func (d *stepwise) copyCurrent() {
	d.Helper()
	d.fill(d.value(d.holder(stageCurrent)))
}

func (d *stepwise) wantsPending() {
	d.Helper()
	if got := d.holder(stagePending); got != d.event.ClientRequestToken {
		d.Errorf("AWSPENDING is on %q, want %q", got, d.event.ClientRequestToken)
	}
}

func TestAWSTestsARotationWithACopy(t *testing.T) {
	inSteps(t, func(d *stepwise) {
		d.copyCurrent()
		d.mustTake("testSecret", "test_secret", "testSecret")
		d.wantsPending()
		d.checkNotPromoted()
	})
}

// A document of another program's has no base.
func TestAWSTestsARotationOfAForeignDocument(t *testing.T) {
	inSteps(t, func(d *stepwise) {
		d.putForeign()
		d.copyCurrent()
		d.mustTake("testSecret")
		d.wantsPending()
	})
}

// The other steps cannot make a new secret of a copy: the version's value is fixed.
func TestACopyDoesNotBecomeCurrent(t *testing.T) {
	for _, step := range []string{"createSecret", "setSecret", "finishSecret"} {
		inSteps(t, func(d *stepwise) {
			d.copyCurrent()
			d.mustTake("testSecret")
			d.wantsError(step, rotation.ErrAbandoned)
			d.checkGivenUp()
		})
	}
}

// A text that says the same in other bytes is no copy.
func TestACopyIsByteForByte(t *testing.T) {
	inSteps(t, func(d *stepwise) {
		d.fill(d.value(d.holder(stageCurrent)) + " ")
		d.wantsError("testSecret", rotation.ErrAbandoned)
		d.checkGivenUp()
	})
}

func TestTwoTestsOfACopyAtOnce(t *testing.T) {
	inSteps(t, func(d *stepwise) {
		d.copyCurrent()
		defer d.backend.Inject(secretstest.Fault{Delay: time.Second})()
		errs := make(chan error, 2)
		for range cap(errs) {
			e := d.event
			e.Step = "testSecret"
			go func() { errs <- d.handle(context.WithoutCancel(d.Context()), e) }()
		}
		for range cap(errs) {
			if err := <-errs; err != nil {
				d.Error(err)
			}
		}
		d.wantsPending()
	})
}

// A copy that cannot be told yet keeps its label.
func TestTroubleInTheTestOfACopy(t *testing.T) {
	for _, fault := range []secretstest.Fault{
		{Operation: "GetSecretValue", Err: secretstest.Throttling()},
		{Operation: "GetSecretValue", After: 1, Err: secretstest.Throttling()},
		{Operation: "GetSecretValue", After: 1, Err: secretstest.ConnectionReset()},
		{Operation: "GetSecretValue", After: 1, StaleBy: time.Hour},
		{Operation: "DescribeSecret", After: 1, Err: secretstest.InternalError()},
	} {
		inSteps(t, func(d *stepwise) {
			d.copyCurrent()
			remove := d.backend.Inject(fault)
			d.wantsError("testSecret", tenantsecrets.ErrUnavailable)
			remove()
			d.wantsPending()
			d.mustTake("testSecret")
		})
	}
}

// counted is a target system that takes anything, and notes what it was told to test.
type counted struct {
	tests atomic.Int64
	same  atomic.Bool
}

func (*counted) Set(context.Context, rotation.Change) error { return nil }

func (c *counted) Test(_ context.Context, change rotation.Change) error {
	c.tests.Add(1)
	c.same.Store(change.Pending.Reveal() == change.Current.Reveal() && strings.Contains(change.Document.Reveal(), change.Pending.Reveal()))
	return nil
}

func TestAWSTestsARotationOfAFarSide(t *testing.T) {
	inBubble(t, func(s *service) {
		far := &counted{}
		const path = "destinations/webhook1/api_key"
		name, err := naming.Build(tenant, path)
		if err != nil {
			t.Fatal(err)
		}
		s.store(name, fmt.Sprintf(`{"api_key":%q,"tenant_id":%q}`, rand.Text(), tenant))
		d := newSteps(s, path, rotation.FarSide{SecretType: "api_key", Setter: far, Tester: far})
		d.begin()
		d.copyCurrent()
		d.mustTake("testSecret")
		d.wantsPending()
		if far.tests.Load() != 1 || !far.same.Load() {
			t.Errorf("%d tests, of the current value: %v", far.tests.Load(), far.same.Load())
		}
		d.wantsError("finishSecret", rotation.ErrAbandoned)
		d.checkErrors()
	})
}
