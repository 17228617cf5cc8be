package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// providerTroubles are what may become of a request to the provider. stop ends the
// context of the step.
var providerTroubles = map[string]func(w http.ResponseWriter, r *http.Request, serve func(http.ResponseWriter), stop func()){
	"500": func(w http.ResponseWriter, _ *http.Request, _ func(http.ResponseWriter), _ func()) {
		w.WriteHeader(http.StatusInternalServerError)
	},
	"500 all the same": func(w http.ResponseWriter, _ *http.Request, serve func(http.ResponseWriter), _ func()) {
		serve(httptest.NewRecorder())
		w.WriteHeader(http.StatusInternalServerError)
	},
	"429": func(w http.ResponseWriter, _ *http.Request, _ func(http.ResponseWriter), _ func()) {
		w.WriteHeader(http.StatusTooManyRequests)
	},
	"a wrong answer": func(w http.ResponseWriter, _ *http.Request, _ func(http.ResponseWriter), _ func()) {
		answer(w, map[string]any{"id": "wrong", "account": "t_other"})
	},
	"no JSON": func(w http.ResponseWriter, _ *http.Request, _ func(http.ResponseWriter), _ func()) {
		fmt.Fprint(w, "<html>")
	},
	"a broken connection": func(http.ResponseWriter, *http.Request, func(http.ResponseWriter), func()) {
		panic(http.ErrAbortHandler)
	},
	"a lost answer": func(_ http.ResponseWriter, _ *http.Request, serve func(http.ResponseWriter), _ func()) {
		serve(httptest.NewRecorder())
		panic(http.ErrAbortHandler)
	},
	"no answer": func(_ http.ResponseWriter, r *http.Request, _ func(http.ResponseWriter), stop func()) {
		stop()
		<-r.Context().Done()
	},
	"no answer, but done": func(_ http.ResponseWriter, r *http.Request, serve func(http.ResponseWriter), stop func()) {
		serve(httptest.NewRecorder())
		stop()
		<-r.Context().Done()
	},
}

// TestProviderFailsAtEveryRequest takes every step with every trouble at every request
// to the provider, and again from it on or from the first step on. Throughout, the
// provider accepts the key of before and the current one. There is a key left from a
// rotation given up, so that one is deleted too.
func TestProviderFailsAtEveryRequest(t *testing.T) {
	requests := map[string]int{"createSecret": 0, "setSecret": 3, "testSecret": 1, "finishSecret": 1}
	for i, step := range fourSteps {
		for name, trouble := range providerTroubles {
			for n := range requests[step] {
				for _, again := range [][]string{fourSteps[i:], fourSteps} {
					t.Run(fmt.Sprintf("%s, request %d, %s, then %d steps", step, n, name, len(again)), func(t *testing.T) {
						b := newBilled(t)
						b.provider.keys = append(b.provider.keys, newAPIKey())
						b.mustTake(fourSteps[:i]...)
						err := b.takeWith(step, n, trouble)
						if !errors.Is(err, rotation.ErrFarSide) {
							t.Errorf("error %v, want ErrFarSide", err)
						}
						b.checkAccepted()
						if current := b.holder(stageCurrent); current == b.event.ClientRequestToken {
							t.Error("the pending version is current")
						}
						b.mustTake(again...)
						b.checkReplaced()
						if got := b.provider.valid(); !slices.Equal(got, []string{b.old, b.pending()}) {
							t.Errorf("%d keys are valid, or others", len(got))
						}
					})
				}
			}
		}
	}
	b := newBilled(t)
	b.provider.keys = append(b.provider.keys, newAPIKey())
	for _, step := range fourSteps { // the numbers above are all there are
		undo := b.provider.disturb(nil)
		b.mustTake(step)
		if got := undo(); got != requests[step] {
			t.Errorf("%s makes %d requests, want %d", step, got, requests[step])
		}
	}
}

// takeWith takes a step with trouble at the nth request to the provider.
func (b *billed) takeWith(
	step string, n int, trouble func(http.ResponseWriter, *http.Request, func(http.ResponseWriter), func()),
) error {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	undo := b.provider.disturb(func(request int, w http.ResponseWriter, r *http.Request, serve func(http.ResponseWriter)) {
		if request == n {
			trouble(w, r, serve, cancel)
			return
		}
		serve(w)
	})
	e := b.event
	e.Step = step
	err := b.handle(ctx, e)
	undo()
	b.errs = append(b.errs, err)
	return err
}

// TestTroubleOfSecretsManagerWithAFarSide does to an API key what
// TestTroubleAtEveryCallOfAStep does to an HMAC key. Time is not real in it, so that the far
// side is no server.
func TestTroubleOfSecretsManagerWithAFarSide(t *testing.T) {
	for i, step := range fourSteps {
		eachCall(t, step, func(t *testing.T, trouble trouble, n int) (hit bool) {
			for _, again := range [][]string{fourSteps[i:], fourSteps} {
				inBubble(t, func(s *service) {
					accepted := map[string]bool{}
					d := newSteps(s, apiKeyPath, rotation.FarSide{
						SecretType: "api_key",
						Setter:     setter(func(c rotation.Change) error { accepted[c.Pending.Reveal()] = true; return nil }),
						Tester: tester(func(c rotation.Change) error {
							if !accepted[c.Pending.Reveal()] {
								return &refusal{}
							}
							return nil
						}),
					})
					d.store(fmt.Sprintf(`{"api_key":%q,"tenant_id":%q}`, newAPIKey(), tenant))
					d.begin()
					d.mustTake(fourSteps[:i]...)
					var err error
					if hit, err = d.takeIn(step, trouble, n); err != nil && !errors.Is(err, trouble.want) {
						d.Errorf("error %v, want %v", err, trouble.want)
					}
					d.mustTake(again...)
					token := d.event.ClientRequestToken
					if current, pending := d.holder(stageCurrent), d.holder(stagePending); current != token || pending != "" {
						d.Errorf("%s is current and %q pending, want %s and none", current, pending, token)
					}
					if !accepted[d.member(token, "api_key")] || len(accepted) != 1 {
						d.Errorf("the target system has taken %d keys, or another", len(accepted))
					}
					d.checkErrors()
				})
			}
			return hit
		})
	}
}

// TestDocumentsThatAreNotRotated are refused before anything is written.
func TestDocumentsThatAreNotRotated(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want error
	}{
		"another tenant's":   {`{"api_key":"k","tenant_id":"t_other"}`, tenantsecrets.ErrWrongTenant},
		"nobody's":           {`{"api_key":"k"}`, tenantsecrets.ErrMalformed},
		"no api_key":         {`{"key":"k","tenant_id":"t_abc123"}`, tenantsecrets.ErrMalformed},
		"an empty api_key":   {`{"api_key":"","tenant_id":"t_abc123"}`, tenantsecrets.ErrMalformed},
		"api_key a number":   {`{"api_key":1,"tenant_id":"t_abc123"}`, tenantsecrets.ErrMalformed},
		"API_KEY":            {`{"API_KEY":"k","tenant_id":"t_abc123"}`, tenantsecrets.ErrMalformed},
		"no object":          {`"k"`, tenantsecrets.ErrMalformed},
		"no room for a base": {`{"api_key":"k","tenant_id":"t_abc123","note":"` + strings.Repeat("n", 65480) + `"}`, tenantsecrets.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			d := newSteps(newService(t), apiKeyPath, rotation.FarSide{SecretType: "api_key", Setter: accepting{}, Tester: accepting{}})
			d.store(test.text)
			d.begin()
			d.backend.ClearCalls()
			d.wantsError("createSecret", test.want)
			d.checkNoWrites()
		})
	}
}

// TestDocumentWithoutTenant is the tenant's where the tag of the secret says so.
func TestDocumentWithoutTenant(t *testing.T) {
	d := newSteps(newService(t), apiKeyPath, rotation.FarSide{SecretType: "api_key", Setter: accepting{}, Tester: accepting{}})
	d.store(`{"api_key":"k"}`)
	d.tag("TenantId", tenant)
	d.begin()
	d.mustTake(fourSteps...)
	if d.holder(stageCurrent) != d.event.ClientRequestToken {
		t.Error("the rotation is not complete")
	}
}

// TestPendingOfAnotherProgramWithAFarSide is not shown to the target system.
func TestPendingOfAnotherProgramWithAFarSide(t *testing.T) {
	for name, text := range map[string]string{
		"another base":     `{"api_key":"KEY","tenant_id":"t_abc123","base":"00000000-0000-4000-8000-000000000000"}`,
		"no api_key":       `{"tenant_id":"t_abc123","base":"CURRENT"}`,
		"an empty api_key": `{"api_key":"","tenant_id":"t_abc123","base":"CURRENT"}`,
		"another tenant's": `{"api_key":"KEY","tenant_id":"t_other","base":"CURRENT"}`,
		"nobody's":         `{"api_key":"KEY","base":"CURRENT"}`,
	} {
		for _, step := range fourSteps[1:] {
			t.Run(name+", "+step, func(t *testing.T) {
				b := newBilled(t)
				b.fill(strings.ReplaceAll(text, "KEY", newAPIKey()))
				undo := b.provider.disturb(nil)
				b.wantsError(step, rotation.ErrAbandoned)
				if requests := undo(); requests != 0 {
					t.Errorf("%d requests to the provider", requests)
				}
				b.checkAccepted()
				b.begin()
				b.mustTake(fourSteps...)
				b.checkReplaced()
			})
		}
	}
}

// TestSecretOfTheGlobalSpaceWithAFarSide also has its own name for what is made anew.
func TestSecretOfTheGlobalSpaceWithAFarSide(t *testing.T) {
	s := newService(t)
	d := newSteps(s, "unused")
	var err error
	if d.name, err = naming.Build(tenantsecrets.Global, "encryption_key"); err != nil {
		t.Fatal(err)
	}
	var told []string
	note := func(c rotation.Change) error {
		told = append(told, c.Tenant+"/"+c.Path+" "+c.Current.Reveal())
		return nil
	}
	d.rewire(s.backend, rotation.FarSide{SecretType: "encryption_key", Member: "material", Setter: setter(note), Tester: tester(note)})
	d.store(`{"material":"k","tenant_id":"global"}`)
	d.begin()
	d.mustTake(fourSteps...)
	if want := []string{"global/encryption_key k", "global/encryption_key k", "global/encryption_key k"}; !slices.Equal(told, want) {
		t.Errorf("the target system was told %q", told)
	}
	if got := d.member(d.event.ClientRequestToken, "material"); got == "k" || len(got) != 43 {
		t.Errorf("%d characters were made", len(got))
	}
}

// lying answers for another version than was asked for.
type lying struct{ *secretstest.Backend }

func (l lying) GetSecretValue(
	ctx context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.GetSecretValueOutput, error) {
	out, err := l.Backend.GetSecretValue(ctx, in)
	var absent *types.ResourceNotFoundException
	if errors.As(err, &absent) {
		return l.Backend.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: in.SecretId})
	}
	return out, err
}

func TestValueOfAnotherVersion(t *testing.T) {
	b := newBilled(t)
	b.rewire(lying{b.backend}, b.farSide())
	for _, step := range fourSteps {
		b.wantsError(step, tenantsecrets.ErrWrongTenant)
	}
	b.checkAccepted()
	b.checkErrors()
}
