package tenantsecrets_test

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// way is one of the three ways to read.
type way int

const (
	byDefault way = iota
	byValues
	byPrefetch
)

func (w way) String() string { return [...]string{"default", "ValuesOnly", "Prefetch"}[w] }

// client reads in that way, where first does.
func (w way) client(t *testing.T, api tenantsecrets.API, optFns ...func(*tenantsecrets.Options)) *tenantsecrets.Client {
	t.Helper()
	return newClient(t, api, append(optFns, quiet, func(o *tenantsecrets.Options) { o.ValuesOnly = w == byValues })...)
}

// first is a load of the tenant's secret in that way, and what is served then.
func (w way) first(t *testing.T, c *tenantsecrets.Client) (*tenantsecrets.TenantSecret, error) {
	if w == byPrefetch {
		if err := c.Prefetch(t.Context(), slices.Values([]string{tenant})); err != nil {
			return nil, err
		}
	}
	return c.TenantSecret(t.Context(), tenant)
}

// load wants that to succeed.
func (w way) load(t *testing.T, c *tenantsecrets.Client) *tenantsecrets.TenantSecret {
	t.Helper()
	s, err := w.first(t, c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// byWay is what is to be expected of each.
type byWay[T any] [3]T

func alike[T any](v T) byWay[T] { return byWay[T]{v, v, v} }

// eachWay runs f on fake time for each of them, with an empty backend.
func eachWay(t *testing.T, f func(*testing.T, way, *doctored)) {
	t.Helper()
	for _, w := range []way{byDefault, byValues, byPrefetch} {
		t.Run(w.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, w, &doctored{tampered: tampered{Backend: secretstest.New()}}) })
		})
	}
}

// doctored is a backend whose answers are altered, whichever call they come by.
type doctored struct {
	tampered
	alter  func(*answered)
	silent bool // neither an answer nor an error
}

// answered is what all answers have, and what values have beside it.
type answered struct {
	name, arn, text *string
	binary          []byte
}

func (b *doctored) change(name, arn, text **string, binary *[]byte) {
	if b.alter != nil {
		a := &answered{*name, *arn, *text, *binary}
		b.alter(a)
		*name, *arn, *text, *binary = a.name, a.arn, a.text, a.binary
	}
}

func (b *doctored) DescribeSecret(ctx context.Context, in *secretsmanager.DescribeSecretInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	out, err := b.tampered.DescribeSecret(ctx, in)
	if b.silent {
		return nil, nil
	}
	if err == nil {
		b.change(&out.Name, &out.ARN, new(*string), new([]byte))
	}
	return out, err
}

func (b *doctored) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	out, err := b.tampered.GetSecretValue(ctx, in)
	if b.silent {
		return nil, nil
	}
	if err == nil {
		b.change(&out.Name, &out.ARN, &out.SecretString, &out.SecretBinary)
	}
	return out, err
}

func (b *doctored) BatchGetSecretValue(ctx context.Context, in *secretsmanager.BatchGetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.BatchGetSecretValueOutput, error) {
	out, err := b.Backend.BatchGetSecretValue(ctx, in)
	if b.silent {
		return nil, nil
	}
	if err == nil {
		for i := range out.SecretValues {
			v := &out.SecretValues[i]
			b.change(&v.Name, &v.ARN, &v.SecretString, &v.SecretBinary)
		}
	}
	return out, err
}

// ill is a secret that no way of reading serves, or not each.
type ill struct {
	what  string
	begin func(*testing.T, *doctored)
	want  byWay[error] // nil: it is served
}

// storing is the tenant's secret with that text.
func storing(text func(*testing.T) string) func(*testing.T, *doctored) {
	return func(t *testing.T, b *doctored) { store(t, b.Backend, hmacName, text(t)) }
}

// altering is a good secret whose answers are altered.
func altering(f func(*answered)) func(*testing.T, *doctored) {
	return func(t *testing.T, b *doctored) {
		store(t, b.Backend, hmacName, document(t, nil))
		b.alter = f
	}
}

// faultOf is a good secret about which calls fail.
func faultOf(err error) func(*testing.T, *doctored) {
	return func(t *testing.T, b *doctored) {
		store(t, b.Backend, hmacName, document(t, nil))
		b.Inject(secretstest.Fault{SecretID: hmacName, Err: err})
	}
}

// moved is an ARN with a part replaced.
func moved(old, with string) func(*answered) {
	return func(a *answered) { a.arn = replaced(a.arn, old, with) }
}

var ills = []ill{
	{"no such secret", func(*testing.T, *doctored) {}, alike(tenantsecrets.ErrNotFound)},
	{"deleted", func(t *testing.T, b *doctored) {
		store(t, b.Backend, hmacName, document(t, nil))
		deleteNow(t, b.Backend)
	}, alike(tenantsecrets.ErrNotFound)},
	{"scheduled for deletion", func(t *testing.T, b *doctored) {
		store(t, b.Backend, hmacName, document(t, nil))
		deleteLater(t, b.Backend)
	}, alike(tenantsecrets.ErrPendingDeletion)},
	{"without a value", func(t *testing.T, b *doctored) {
		if _, err := b.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(hmacName)}); err != nil {
			t.Fatal(err)
		}
	}, alike(tenantsecrets.ErrNotFound)},

	{"denied", faultOf(secretstest.AccessDenied()), alike(tenantsecrets.ErrAccessDenied)},
	{"KMS key denied", faultOf(secretstest.KMSDenied()), alike(tenantsecrets.ErrAccessDenied)},
	{"KMS key disabled", faultOf(secretstest.KMSDisabled()), alike(tenantsecrets.ErrAccessDenied)},
	{"throttled", faultOf(secretstest.Throttling()), alike(tenantsecrets.ErrUnavailable)},
	{"an error of the service", faultOf(secretstest.InternalError()), alike(tenantsecrets.ErrUnavailable)},
	{"the connection breaks", faultOf(secretstest.ConnectionReset()), alike(tenantsecrets.ErrUnavailable)},
	{"neither an answer nor an error", func(_ *testing.T, b *doctored) { b.silent = true }, alike(tenantsecrets.ErrUnavailable)},

	{"malformed", storing(func(*testing.T) string { return rand.Text() }), alike(tenantsecrets.ErrMalformed)},
	{"without tenant_id", storing(with("tenant_id", nil)), alike(tenantsecrets.ErrMalformed)},
	{"suspended", storing(with("state", "suspended")), alike(tenantsecrets.ErrSuspended)},
	{"another tenant's document", storing(with("tenant_id", otherTenant)), alike(tenantsecrets.ErrWrongTenant)},
	{"binary", altering(func(a *answered) {
		if a.text != nil {
			a.text, a.binary = nil, []byte(*a.text)
		}
	}), alike(tenantsecrets.ErrMalformed)},

	// A batch's answers are told apart by their names: this one answers nobody.
	{"another name", altering(func(a *answered) { a.name = &otherName }), byWay[error]{tenantsecrets.ErrWrongTenant, tenantsecrets.ErrWrongTenant, tenantsecrets.ErrUnavailable}},
	{"no name", altering(func(a *answered) { a.name = nil }), byWay[error]{tenantsecrets.ErrWrongTenant, tenantsecrets.ErrWrongTenant, tenantsecrets.ErrUnavailable}},
	{"an ARN of another name", altering(moved(tenant, otherTenant)), alike(tenantsecrets.ErrWrongTenant)},
	{"another account", altering(moved("123456789012", "210987654321")), alike(tenantsecrets.ErrWrongTenant)},
	{"another Region", altering(moved("us-east-1", "eu-west-1")), alike(tenantsecrets.ErrWrongTenant)},
	{"another partition", altering(moved("arn:aws:", "arn:aws-cn:")), alike(tenantsecrets.ErrWrongTenant)},
	{"no ARN", altering(func(a *answered) { a.arn = nil }), alike(tenantsecrets.ErrWrongTenant)},

	{"tags of another tenant", func(t *testing.T, b *doctored) {
		storeTagged(t, b.Backend, hmacName, document(t, nil), otherTenant)
	}, byWay[error]{tenantsecrets.ErrWrongTenant, nil, nil}},
}

// atHome is where the secrets of these tests are.
func atHome(o *tenantsecrets.Options) {
	o.Partition, o.Account, o.Region = "aws", "123456789012", "us-east-1"
}

func TestEachWayRefuses(t *testing.T) {
	for _, i := range ills {
		t.Run(i.what, func(t *testing.T) {
			eachWay(t, func(t *testing.T, w way, b *doctored) {
				i.begin(t, b)
				_, err := w.first(t, w.client(t, b, atHome))
				checkCause(t, err, i.want[w])
			})
		})
	}
}

// Who holds a good secret and meets the same loses it by a definite no, and keeps
// it where there is no answer.
func TestEachWayEvictsOnADefiniteNo(t *testing.T) {
	for _, i := range ills {
		t.Run(i.what, func(t *testing.T) {
			eachWay(t, func(t *testing.T, w way, b *doctored) {
				store(t, b.Backend, hmacName, document(t, nil))
				c := w.client(t, b, atHome)
				held := w.load(t, c)
				deleteNow(t, b.Backend)
				i.begin(t, b)
				time.Sleep(ttl)
				_, _ = w.first(t, c)
				i.checkHeld(t, w, c, held)
			})
		})
	}
}

func (i *ill) checkHeld(t *testing.T, w way, c *tenantsecrets.Client, held *tenantsecrets.TenantSecret) {
	t.Helper()
	want := i.want[w]
	if w == byPrefetch && want != nil {
		want = i.want[byDefault] // as the call reads that comes after it
	}
	s, err := c.TenantSecret(t.Context(), tenant)
	switch {
	case want == nil:
		if err != nil || s == held {
			t.Errorf("got %v, %v, want what is stored now", s, err)
		}
	case errors.Is(want, tenantsecrets.ErrUnavailable):
		if err != nil || s != held {
			t.Errorf("got %v, %v, want what was held", s, err)
		}
	default:
		checkCause(t, err, want)
	}
}

// checkCause wants that error, or none.
func checkCause(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error is %v, want %v", err, want)
	}
	var e *tenantsecrets.Error
	if want != nil && !errors.As(err, &e) {
		t.Errorf("%v is no *Error", err)
	}
}

// A rotation is seen by the first load after it, and an unchanged version keeps
// its value.
func TestEachWaySeesRotations(t *testing.T) {
	eachWay(t, func(t *testing.T, w way, b *doctored) {
		store(t, b.Backend, hmacName, document(t, map[string]any{"base": ""}))
		c := w.client(t, b)
		s := w.load(t, c)
		for range 3 {
			time.Sleep(ttl)
			if w.load(t, c) != s {
				t.Error("an unchanged version was decoded again")
			}
		}
		version := rotate(t, b.Backend, s)
		time.Sleep(ttl)
		if got := w.load(t, c); got.VersionID() != version || strings.Contains(got.Secret().Reveal(), s.Secret().Reveal()) {
			t.Errorf("got %v, want version %s", got, version)
		}
	})
}

// What was described before is prefetched as it was then, for a batch does not show
// which of two versions is the later one.
func TestPrefetchAfterALoadSeesARotation(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c, s := warm(t, b)
		version := rotate(t, b, s)
		time.Sleep(ttl)
		if got := byPrefetch.load(t, c); got.VersionID() != version {
			t.Errorf("got %v, want version %s", got, version)
		}
		checkOperations(t, b, describeCall, getCall)
	})
}
