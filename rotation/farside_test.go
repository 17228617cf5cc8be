package rotation_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
)

// billed is a tenant's API key of a provider, that AWS rotates. The provider is an HTTP
// server, so that time is real.
type billed struct {
	*stepwise
	provider *provider
	console  *console
	old      string // the key that was there first
}

const apiKeyPath = "destinations/webhook1/api_key"

func newBilled(t *testing.T) *billed {
	t.Helper()
	b := &billed{old: newAPIKey()}
	b.provider = newProvider(t, b.old)
	b.console = newConsole(b.provider)
	b.stepwise = newSteps(newService(t), apiKeyPath, b.farSide())
	b.store(fmt.Sprintf(`{"note":{"of":["ours",2.50]},"api_key":%q,"header":"X-Api-Key","scheme":"Token","tenant_id":%q}`, b.old, tenant))
	b.begin()
	return b
}

func (b *billed) farSide() rotation.FarSide {
	return rotation.FarSide{SecretType: "api_key", Setter: b.console, Tester: b.console}
}

func (b *billed) pending() string { return b.member(b.event.ClientRequestToken, "api_key") }

// read is what a process uses that has read nothing before.
func (b *billed) read() tenantsecrets.APIKey {
	b.Helper()
	c, err := tenantsecrets.New(b.backend, naming)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	key, err := tenantsecrets.Get(b.Context(), c, tenant, tenantsecrets.DestinationAPIKey("webhook1"))
	if err != nil {
		b.Fatal(err)
	}
	return key
}

// checkAccepted wants the provider to accept a reader that has seen nothing of the
// rotation, and one that has seen all there is.
func (b *billed) checkAccepted() {
	b.Helper()
	valid := b.provider.valid()
	if !slices.Contains(valid, b.old) {
		b.Error("the provider does not accept the key of before")
	}
	if !slices.Contains(valid, b.read().Key.Reveal()) {
		b.Error("the provider does not accept the key that is current")
	}
}

// checkReplaced wants the rotation to be complete.
func (b *billed) checkReplaced() {
	b.Helper()
	token := b.event.ClientRequestToken
	if current, pending := b.holder(stageCurrent), b.holder(stagePending); current != token || pending != "" {
		b.Fatalf("%s is current and %q pending, want %s and none", current, pending, token)
	}
	if key := b.read().Key.Reveal(); key != b.pending() || key == b.old || len(key) < 32 {
		b.Error("the key was not made anew")
	}
	b.checkAccepted()
	b.checkErrors()
}

func TestFarSideIsToldFirst(t *testing.T) {
	b := newBilled(t)
	for _, step := range fourSteps {
		b.mustTake(step)
		b.checkAccepted()
		if step != "createSecret" && !slices.Contains(b.provider.valid(), b.pending()) {
			t.Errorf("after %s the provider does not accept the pending key", step)
		}
		if step != "finishSecret" && b.read().Key.Reveal() != b.old {
			t.Errorf("after %s readers have another key than before", step)
		}
	}
	b.checkReplaced()
}

// TestDocumentIsElseAsItWas compares all members but the one that is made anew.
func TestDocumentIsElseAsItWas(t *testing.T) {
	b := newBilled(t)
	before := b.holder(stageCurrent)
	members := func(version string) (of map[string]json.RawMessage) {
		t.Helper()
		if err := json.Unmarshal([]byte(b.value(version)), &of); err != nil {
			t.Fatal(err)
		}
		return of
	}
	want := members(before)
	b.mustTake(fourSteps...)
	got := members(b.event.ClientRequestToken)
	if string(got["base"]) != `"`+before+`"` {
		t.Errorf("base is %s, want %s", got["base"], before)
	}
	for _, m := range []map[string]json.RawMessage{got, want} {
		delete(m, "api_key")
		delete(m, "base")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if key := b.read(); key.Header != "X-Api-Key" || key.Scheme != "Token" {
		t.Errorf("header %q and scheme %q", key.Header, key.Scheme)
	}
	b.begin() // now with a base that is there
	b.mustTake(fourSteps...)
	if got := b.member(b.event.ClientRequestToken, "base"); got != b.holder(stagePrevious) {
		t.Errorf("base is %s", got)
	}
}

// TestKeysOfARow rotates again and again: the provider has the newest two each time.
func TestKeysOfARow(t *testing.T) {
	b := newBilled(t)
	for range 4 {
		b.mustTake(fourSteps...)
		b.checkReplaced()
		if got := b.provider.valid(); !slices.Equal(got, []string{b.old, b.pending()}) {
			t.Errorf("%d keys are valid, or others", len(got))
		}
		b.old = b.pending()
		b.begin()
	}
}

// TestEveryOrderOfStepsWithAFarSide promotes nothing that the target system was not told of.
func TestEveryOrderOfStepsWithAFarSide(t *testing.T) {
	b := newBilled(t)
	for taken := range sequences(max(4, longestSequence()-1)) {
		if len(taken) > longestSequence()-1 && !isOrderOfAll(taken) {
			continue // at the small depth, for each costs requests to a server
		}
		before := b.holder(stageCurrent)
		for i, step := range taken {
			err := b.take(step)
			done := taken[:i+1]
			created, set := inOrder(done, "createSecret"), inOrder(done, "createSecret", "setSecret")
			takable := map[string]bool{"createSecret": true, "setSecret": created, "testSecret": set, "finishSecret": set}
			if (err == nil) != takable[step] {
				t.Errorf("%v: step %d: error %v", taken, i, err)
			}
			want := before
			if inOrder(done, "createSecret", "setSecret", "finishSecret") {
				want = b.event.ClientRequestToken
			}
			if got := b.holder(stageCurrent); got != want {
				t.Errorf("%v: after step %d %s is current, want %s", taken, i, got, want)
			}
			b.checkAccepted()
		}
		b.mustTake(fourSteps...)
		b.checkReplaced()
		b.old = b.pending()
		b.errs = nil // that have been looked at
		b.begin()
	}
}

// TestTwoInvocationsAtOnceWithAFarSide ends with one new key, that the provider has.
func TestTwoInvocationsAtOnceWithAFarSide(t *testing.T) {
	b := newBilled(t)
	for range 20 {
		for _, step := range fourSteps {
			errs := make(chan error, 2)
			for range cap(errs) {
				e := b.event
				e.Step = step
				go func() { errs <- b.handle(context.WithoutCancel(t.Context()), e) }()
			}
			for range cap(errs) {
				if err := <-errs; err != nil {
					t.Errorf("%s: %v", step, err)
				}
			}
			b.checkAccepted()
		}
		b.checkReplaced()
		b.old = b.pending()
		b.begin()
	}
}

// TestKeyReplacedByHandDuringARotation gives the rotation up; the next one cleans up
// what it has left at the provider.
func TestKeyReplacedByHandDuringARotation(t *testing.T) {
	for i := 1; i < len(fourSteps); i++ {
		b := newBilled(t)
		b.mustTake(fourSteps[:i]...)
		b.old = newAPIKey()
		b.provider.mu.Lock()
		b.provider.keys = append(b.provider.keys[1:], b.old) // in the place of the first
		b.provider.mu.Unlock()
		b.put(fmt.Sprintf(`{"api_key":%q,"tenant_id":%q}`, b.old, tenant))
		b.wantsError(fourSteps[i], rotation.ErrAbandoned)
		b.checkAccepted()
		if pending := b.holder(stagePending); pending != "" {
			t.Errorf("%s is still pending", pending)
		}
		b.begin()
		b.mustTake(fourSteps...)
		b.checkReplaced()
	}
}

// TestFarSideIsAsked with what belongs to the change, which prints without its secrets.
func TestFarSideIsAsked(t *testing.T) {
	b := newBilled(t)
	var changes []rotation.Change
	note := func(change rotation.Change) error { changes = append(changes, change); return nil }
	b.rewire(b.backend, rotation.FarSide{SecretType: "api_key", Setter: setter(note), Tester: tester(note)})
	b.mustTake(fourSteps...)
	if len(changes) != 3 {
		t.Fatalf("%d changes, want 3: one of each step but createSecret", len(changes))
	}
	var log bytes.Buffer
	for _, c := range changes {
		if c.Tenant != tenant || c.Path != apiKeyPath || c.Current.Reveal() != b.old || c.Pending.Reveal() != b.pending() ||
			c.Document.Reveal() != b.value(b.event.ClientRequestToken) {
			t.Errorf("another change: %v", c)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			fmt.Fprintf(&log, verb+"\n"+verb+"\n", c, &c)
		}
		slog.New(slog.NewTextHandler(&log, nil)).Info("change", "value", c)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("change", "value", c)
	}
	for _, secret := range []string{b.old, b.pending()} {
		if strings.Contains(log.String(), secret) {
			t.Error("a change prints a secret")
		}
	}
}

type setter func(rotation.Change) error

func (f setter) Set(_ context.Context, change rotation.Change) error { return f(change) }

type tester func(rotation.Change) error

func (f tester) Test(_ context.Context, change rotation.Change) error { return f(change) }

// TestErrorOfTheFarSide is found by errors.As, and its text, which holds a key, is not
// repeated.
func TestErrorOfTheFarSide(t *testing.T) {
	b := newBilled(t)
	b.mustTake("createSecret")
	undo := b.provider.disturb(func(_ int, w http.ResponseWriter, _ *http.Request, _ func(http.ResponseWriter)) {
		w.WriteHeader(http.StatusTeapot)
	})
	err := b.take("setSecret")
	undo()
	var refused *refusal
	if !errors.Is(err, rotation.ErrFarSide) || !errors.As(err, &refused) || refused.status != http.StatusTeapot {
		t.Errorf("error %v", err)
	}
	if !strings.Contains(err.Error(), "Set returned a *rotation_test.refusal") {
		t.Errorf("error %v", err)
	}
	b.checkErrors()
}
