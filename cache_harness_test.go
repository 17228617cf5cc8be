package tenantsecrets_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// The defaults, as the documentation of Options says them, and when the
// background load begins at the earliest and at the latest.
const (
	ttl         = 5 * time.Minute
	maxStale    = time.Hour
	staleWait   = 250 * time.Millisecond
	negativeTTL = 30 * time.Second
	loadTimeout = 5 * time.Second
	maxLoads    = 64

	agesEarliest = 3 * time.Minute
	agesLatest   = 4 * time.Minute
)

// The calls of a load, and of a creation.
const (
	describeCall = "DescribeSecret"
	getCall      = "GetSecretValue"
	createCall   = "CreateSecret"
)

// inBubble runs f on fake time, with a backend that holds the tenant's secret.
func inBubble(t *testing.T, f func(*testing.T, *secretstest.Backend)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		store(t, b, hmacName, document(t, nil))
		b.ClearCalls()
		f(t, b)
	})
}

// warm returns a client that has loaded the tenant's secret this instant, and
// what it loaded.
func warm(t *testing.T, b *secretstest.Backend, optFns ...func(*tenantsecrets.Options)) (*tenantsecrets.Client, *tenantsecrets.TenantSecret) {
	t.Helper()
	c := newClient(t, b, optFns...)
	s := tenantSecret(t, c)
	b.ClearCalls()
	return c, s
}

// answer is what a call returned, and when.
type answer struct {
	secret *tenantsecrets.TenantSecret
	err    error
	took   time.Duration
}

func ask(ctx context.Context, c *tenantsecrets.Client) answer {
	began := time.Now()
	s, err := c.TenantSecret(ctx, tenant)
	return answer{s, err, time.Since(began)}
}

// askWithin asks with a deadline.
func askWithin(t *testing.T, c *tenantsecrets.Client, d time.Duration) answer {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	return ask(ctx, c)
}

// askAsync asks in a goroutine of its own, which is waiting or done when askAsync
// returns.
func askAsync(ctx context.Context, c *tenantsecrets.Client) <-chan answer {
	answers := make(chan answer, 1)
	go func() { answers <- ask(ctx, c) }()
	synctest.Wait()
	return answers
}

// serves wants this very snapshot, after exactly that time.
func (a answer) serves(t *testing.T, want *tenantsecrets.TenantSecret, took time.Duration) {
	t.Helper()
	if a.err != nil || a.secret != want {
		t.Errorf("got %v, %v, want %v", a.secret, a.err, want)
	}
	a.ends(t, took)
}

// servesVersion wants a snapshot of a version, after exactly that time.
func (a answer) servesVersion(t *testing.T, want string, took time.Duration) {
	t.Helper()
	if a.err != nil {
		t.Errorf("error is %v, want version %s", a.err, want)
	} else if a.secret.VersionID() != want {
		t.Errorf("version is %s, want %s", a.secret.VersionID(), want)
	}
	a.ends(t, took)
}

// fails wants an error that is every one of those, after exactly that time.
func (a answer) fails(t *testing.T, took time.Duration, want ...error) {
	t.Helper()
	if a.secret != nil || a.err == nil {
		t.Errorf("got %v, want no secret and an error", a.secret)
	}
	checkIs(t, a.err, want...)
	a.ends(t, took)
}

func (a answer) ends(t *testing.T, took time.Duration) {
	t.Helper()
	if a.took != took {
		t.Errorf("took %v, want %v", a.took, took)
	}
}

// checkIs wants an error that is every one of those.
func checkIs(t *testing.T, err error, want ...error) {
	t.Helper()
	for _, w := range want {
		if !errors.Is(err, w) {
			t.Errorf("error is %v, want %v", err, w)
		}
	}
}

// bubbleStart is the time at which every bubble begins (testing/synctest).
var bubbleStart = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// offsetClock is a clock that moves when it is told to.
type offsetClock struct{ offset atomic.Int64 }

func (c *offsetClock) set(d time.Duration) { c.offset.Store(int64(d)) }

func (c *offsetClock) option(o *tenantsecrets.Options) {
	o.Now = func() time.Time { return bubbleStart.Add(time.Duration(c.offset.Load())) }
}

// poll calls f now and after every step, until d has passed.
func poll(d, step time.Duration, f func()) {
	for end := time.Now().Add(d); !time.Now().After(end); time.Sleep(step) {
		f()
	}
}

// storeTenants stores a secret for each of n tenants and returns their ids.
func storeTenants(t *testing.T, b *secretstest.Backend, n int) []string {
	t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("t_%d", i)
		store(t, b, "prod/formbridge/"+ids[i]+"/hmac_key", document(t, map[string]any{"tenant_id": ids[i]}))
	}
	b.ClearCalls()
	return ids
}

// slowLoads makes each call of a load take that long.
func slowLoads(b *secretstest.Backend, call time.Duration) {
	b.Inject(secretstest.Fault{Operation: describeCall, Delay: call}, secretstest.Fault{Operation: getCall, Delay: call})
}

// rotate writes a new current version as a program of this library's does, so that
// a load of it costs two calls, and returns its id.
func rotate(t *testing.T, b *secretstest.Backend, from *tenantsecrets.TenantSecret) string {
	t.Helper()
	version := put(t, b, hmacName, document(t, map[string]any{"base": from.VersionID()}))
	b.ClearCalls()
	return version
}

// putUnder writes a version of the tenant's secret under a staging label.
func putUnder(t *testing.T, b *secretstest.Backend, label string) {
	t.Helper()
	_, err := b.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(hmacName), SecretString: aws.String(document(t, nil)), VersionStages: []string{label},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// deleteNow deletes the tenant's secret for good.
func deleteNow(t *testing.T, b *secretstest.Backend) {
	t.Helper()
	deleteSecret(t, b, &secretsmanager.DeleteSecretInput{ForceDeleteWithoutRecovery: aws.Bool(true)})
}

// deleteLater schedules the tenant's secret for deletion.
func deleteLater(t *testing.T, b *secretstest.Backend) {
	t.Helper()
	deleteSecret(t, b, &secretsmanager.DeleteSecretInput{})
}

func deleteSecret(t *testing.T, b *secretstest.Backend, in *secretsmanager.DeleteSecretInput) {
	t.Helper()
	in.SecretId = aws.String(hmacName)
	if _, err := b.DeleteSecret(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

// tapped is a backend whose calls can be watched and held up: before is called
// when a call comes in, after when it has taken effect and is not answered yet.
// It counts the calls under way.
type tapped struct {
	*secretstest.Backend
	before, after func(ctx context.Context, operation string)

	running, peak atomic.Int64
	entering      sync.Mutex
}

func (b *tapped) DescribeSecret(ctx context.Context, in *secretsmanager.DescribeSecretInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	defer b.enter(ctx, describeCall)()
	return b.Backend.DescribeSecret(ctx, in)
}

func (b *tapped) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	defer b.enter(ctx, getCall)()
	return b.Backend.GetSecretValue(ctx, in)
}

func (b *tapped) CreateSecret(ctx context.Context, in *secretsmanager.CreateSecretInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.CreateSecretOutput, error) {
	defer b.enter(ctx, createCall)()
	return b.Backend.CreateSecret(ctx, in)
}

// enter returns what is to be done after the call.
func (b *tapped) enter(ctx context.Context, operation string) (leave func()) {
	b.entering.Lock()
	b.peak.Store(max(b.peak.Load(), b.running.Add(1)))
	b.entering.Unlock()
	if b.before != nil {
		b.before(ctx, operation)
	}
	return func() {
		if b.after != nil {
			b.after(ctx, operation)
		}
		b.running.Add(-1)
	}
}

// pause waits, unless the context ends first.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
