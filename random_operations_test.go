package tenantsecrets_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strings"
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

const (
	randomTenants   = 12
	randomCallers   = 64
	randomCreated   = 500 // tenants at most: those after them exist already
	randomMillis    = 8   // contexts end and calls take so long at most, most of the time
	randomMessage   = "a webhook"
	mostRandomFails = 10 // that are reported
)

// randomOperations is how many calls are made in all.
func randomOperations() int {
	if os.Getenv("TENANTSECRETS_DEPTH") == "full" {
		return 1_000_000
	}
	return 40_000
}

// TestRandomOperations makes every call of a client in random order, from many
// goroutines, with contexts that end at random instants, on a Secrets Manager that is
// slow and fails at random while others write to it. Times are whole milliseconds, so
// that what races in production happens in the same instant here.
func TestRandomOperations(t *testing.T) {
	const tries = 4 // clients with other options
	for range tries {
		seed := mathrand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newRandomRun(t, seed).all(randomOperations() / tries) })
		})
	}
}

// randomRun is a client that many call at random. A closed one is replaced.
type randomRun struct {
	t         *testing.T
	seed      uint64
	backend   *secretstest.Backend
	signature sync.Map // a valid one of each tenant, by its ID
	client    atomic.Pointer[randomClient]
	replaced  sync.Mutex
	left      atomic.Int64 // calls to make
	created   atomic.Int64 // tenants
	fails     atomic.Int64

	mu     sync.Mutex
	counts map[string]*randomCount // by the call's name
}

// randomClient is a client and whether it may be closed.
type randomClient struct {
	*tenantsecrets.Client
	closed atomic.Bool
}

type randomCount struct{ succeeded, failed int }

func newRandomRun(t *testing.T, seed uint64) *randomRun {
	r := &randomRun{t: t, seed: seed, backend: secretstest.New(func(o *secretstest.Options) { o.NoCallLog = true }), counts: map[string]*randomCount{}}
	for i := range randomTenants {
		id := randomTenant(i)
		r.write(id)
		for _, k := range kinds {
			members := k.least(rand.Text() + rand.Text())
			if k.path == "" {
				continue
			}
			members["tenant_id"] = id
			store(t, r.backend, randomName(id, k.path), object(t, members))
		}
		store(t, r.backend, randomName(id, randomKind.Path), object(t, map[string]any{"tenant_id": id}))
	}
	r.backend.Inject(r.faults()...)
	r.open(r.random(0))
	return r
}

// random is a sequence of numbers of one goroutine.
func (r *randomRun) random(goroutine int) *mathrand.Rand {
	return mathrand.New(mathrand.NewPCG(r.seed, uint64(goroutine)))
}

func randomTenant(i int) string { return fmt.Sprintf("t_%d", i) }

func randomName(tenant, path string) string { return "prod/formbridge/" + tenant + "/" + path }

// write gives a tenant a new key, as another program would, whatever there is.
func (r *randomRun) write(tenant string) {
	secret := rand.Text() + rand.Text()
	text := document(r.t, map[string]any{"tenant_id": tenant, "shared_secret": secret})
	keys, err := tenantsecrets.NewKeyring(tenantsecrets.NewValue(secret))
	if err != nil {
		r.t.Fatal(err)
	}
	signature, err := tenantsecrets.SignHMAC(keys, []byte(randomMessage))
	if err != nil {
		r.t.Fatal(err)
	}
	name := aws.String(randomName(tenant, "hmac_key"))
	if _, err := r.backend.CreateSecret(context.Background(), &secretsmanager.CreateSecretInput{Name: name, SecretString: &text}); err != nil {
		_, _ = r.backend.PutSecretValue(context.Background(), &secretsmanager.PutSecretValueInput{SecretId: name, SecretString: &text})
	}
	r.signature.Store(tenant, signature)
}

// faults make Secrets Manager slow, and now and then wrong.
func (r *randomRun) faults() []secretstest.Fault {
	faults := []secretstest.Fault{
		{Delay: time.Millisecond},
		{Delay: time.Second, Probability: 0.001},
		{Err: secretstest.Throttling(), Probability: 0.002},
		{Err: secretstest.InternalError(), Probability: 0.002},
		{Err: secretstest.ConnectionReset(), Probability: 0.002},
		{Err: secretstest.AccessDenied(), Probability: 0.002},
		{Operation: getCall, Err: secretstest.KMSDisabled(), Probability: 0.002},
		{Operation: createCall, LostAnswer: true, Probability: 0.1},
		{StaleUpTo: time.Second, Probability: 0.02},
	}
	for range randomMillis {
		faults = append(faults, secretstest.Fault{Delay: time.Millisecond, Probability: 0.2})
	}
	for i := range faults {
		faults[i].Seed = r.seed + uint64(i)
	}
	return faults
}

// open makes the client that is called from now on, with random options.
func (r *randomRun) open(random *mathrand.Rand) {
	millis := func(most int) time.Duration { return time.Duration(1+random.IntN(most)) * time.Millisecond }
	sometimes := func(d time.Duration) time.Duration {
		if random.IntN(4) == 0 {
			return -1
		}
		return d
	}
	c, err := tenantsecrets.New(r.backend, naming, func(o *tenantsecrets.Options) {
		o.Logger = slog.New(slog.DiscardHandler)
		o.TTL = millis(200)
		o.MaxStale = sometimes(o.TTL + millis(200))
		o.StaleWait = sometimes(millis(randomMillis))
		o.NegativeTTL = sometimes(millis(50))
		o.LoadTimeout = sometimes(millis(10 * randomMillis))
		o.MaxLoads = []int{-1, 1, 4, 64}[random.IntN(4)]
		o.UnknownIDs = []int{-1, 1, 50}[random.IntN(3)]
		o.Capacity = []int{0, 5, 1000}[random.IntN(3)]
		o.ValuesOnly = random.IntN(4) == 0
	})
	if err != nil {
		r.t.Error(err)
		return
	}
	r.client.Store(&randomClient{Client: c})
}

// all makes that many calls, and ends the client.
func (r *randomRun) all(calls int) {
	r.left.Store(int64(calls))
	var callers sync.WaitGroup
	for i := range randomCallers {
		callers.Go(func() {
			for random := r.random(1 + i); r.left.Add(-1) >= 0; {
				r.call(random)
			}
		})
	}
	callers.Go(func() { r.disturbAll(r.random(1 + randomCallers)) })
	callers.Wait()
	r.client.Load().Close()
	r.report()
}

// disturbAll goes on until the calls are made. Where none has ended for an hour it
// stops: then nothing in the bubble moves any more, and synctest shows who waits for whom.
func (r *randomRun) disturbAll(random *mathrand.Rand) {
	left, since := r.left.Load(), time.Now()
	for left > 0 && time.Since(since) < time.Hour {
		r.disturb(random)
		time.Sleep(time.Duration(random.IntN(500)) * time.Millisecond)
		if now := r.left.Load(); now != left {
			left, since = now, time.Now()
		}
	}
}

// disturb does to a secret what others do.
func (r *randomRun) disturb(random *mathrand.Rand) {
	id := randomTenant(random.IntN(randomTenants))
	name := aws.String(randomName(id, "hmac_key"))
	ctx := context.Background()
	switch random.IntN(12) {
	case 0:
		_, _ = r.backend.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: name, ForceDeleteWithoutRecovery: aws.Bool(true)})
	case 1:
		_, _ = r.backend.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: name})
	case 2:
		_, _ = r.backend.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: name, SecretString: aws.String("not a document")})
	case 3:
		another := document(r.t, map[string]any{"tenant_id": randomTenant(random.IntN(randomTenants))})
		_, _ = r.backend.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: name, SecretString: &another})
	case 4, 5, 6:
		_, _ = r.backend.RestoreSecret(ctx, &secretsmanager.RestoreSecretInput{SecretId: name})
		r.write(id)
	default:
		r.write(id)
	}
}

// call makes one call and judges what it returns.
func (r *randomRun) call(random *mathrand.Rand) {
	op := randomCalls[random.IntN(len(randomCalls))]
	ctx, cancel := randomContext(random)
	defer cancel()
	c := r.client.Load()
	defer func() {
		if p := recover(); p != nil {
			r.fail("%s panics with a %T: %s", op.name, p, debug.Stack())
		}
	}()
	err := op.call(r, ctx, c, random)
	r.judge(ctx, op.name, c, err)
	switch pause := time.Duration(random.IntN(20)) * time.Millisecond; random.IntN(100) {
	case 0:
		time.Sleep(100 * pause) // backoffs and budgets pass
	default:
		time.Sleep(pause)
	}
}

// randomContext ends at a random instant, or never.
func randomContext(random *mathrand.Rand) (context.Context, context.CancelFunc) {
	after := time.Duration(random.IntN(4*randomMillis)) * time.Millisecond
	switch random.IntN(4) {
	case 0:
		return context.Background(), func() {}
	case 1:
		ctx, cancel := context.WithCancel(context.Background())
		if after == 0 { // a timer of a bubble that is due at once crashes the race detector (go1.26.8)
			cancel()
			return ctx, cancel
		}
		timer := time.AfterFunc(after, cancel)
		return ctx, func() { timer.Stop(); cancel() }
	default:
		return context.WithTimeout(context.Background(), after)
	}
}

// randomSentinels are what an error may be.
var randomSentinels = []error{
	tenantsecrets.ErrNotFound, tenantsecrets.ErrExists, tenantsecrets.ErrPendingDeletion, tenantsecrets.ErrAccessDenied,
	tenantsecrets.ErrUnavailable, tenantsecrets.ErrStale, tenantsecrets.ErrMalformed, tenantsecrets.ErrWrongTenant,
	tenantsecrets.ErrInvalidTenant, tenantsecrets.ErrInvalidName, tenantsecrets.ErrInvalidOption,
	tenantsecrets.ErrSignature, tenantsecrets.ErrMismatch, tenantsecrets.ErrNoKey, tenantsecrets.ErrClosed,
}

// judge wants an *Error of a documented sentinel, of which some have a reason.
func (r *randomRun) judge(ctx context.Context, name string, c *randomClient, err error) {
	r.count(name, err)
	if err == nil {
		return
	}
	var e *tenantsecrets.Error
	switch ended := ctx.Err(); {
	case !errors.As(err, &e):
		r.fail("%s returns a %T, want an *Error: %v", name, err, err)
	case !slices.ContainsFunc(randomSentinels, func(s error) bool { return errors.Is(err, s) }):
		r.fail("%s returns an error of no sentinel: %v", name, err)
	case errors.Is(err, tenantsecrets.ErrClosed) && !c.closed.Load():
		r.fail("%s on an open client: %v", name, err)
	case errors.Is(err, context.Canceled) && ended == nil, errors.Is(err, context.DeadlineExceeded) && ended == nil:
		r.fail("%s says that a context has ended that has not: %v", name, err)
	}
	if deadline, ok := ctx.Deadline(); ok && time.Now().After(deadline) && name != "Prefetch" { // which ends with its batches
		r.fail("%s returns %v after its deadline: %v", name, time.Since(deadline), err)
	}
}

func (r *randomRun) count(name string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.counts[name]
	if n == nil {
		n = new(randomCount)
		r.counts[name] = n
	}
	if err == nil {
		n.succeeded++
	} else {
		n.failed++
	}
}

// fail reports the first failures and counts the others.
func (r *randomRun) fail(format string, args ...any) {
	r.t.Helper()
	if r.fails.Add(1) <= mostRandomFails {
		r.t.Errorf(format, args...)
	}
}

// report wants every call to have succeeded now and then: otherwise nothing was tried.
func (r *randomRun) report() {
	var text strings.Builder
	for _, op := range randomCalls {
		n := r.counts[op.name]
		if n == nil || n.succeeded == 0 {
			r.fail("%s never succeeded", op.name)
			continue
		}
		fmt.Fprintf(&text, " %s %d/%d", op.name, n.succeeded, n.failed)
	}
	r.t.Logf("succeeded/failed:%s; %d failures of the test", text.String(), r.fails.Load())
}

// randomTarget is a tenant that exists, mostly.
func randomTarget(random *mathrand.Rand) string {
	switch random.IntN(20) {
	case 0:
		return "not/an/id"
	case 1, 2:
		return fmt.Sprintf("u_%d", random.IntN(1_000_000))
	}
	return randomTenant(random.IntN(randomTenants))
}

// randomKind decodes whose the document is.
var randomKind = tenantsecrets.Kind[string]{
	Path: "own",
	Decode: func(stored []byte) (string, error) {
		var d struct {
			Tenant string `json:"tenant_id"`
		}
		err := json.Unmarshal(stored, &d)
		return d.Tenant, err
	},
}

// randomCalls are all calls of a client.
var randomCalls = []struct {
	name string
	call func(*randomRun, context.Context, *randomClient, *mathrand.Rand) error
}{
	{"VerifyHMAC", (*randomRun).verifyHMAC},
	{"Verify", (*randomRun).verify},
	{"TenantSecret", (*randomRun).tenantSecret},
	{"Get", (*randomRun).get},
	{"CreateTenant", (*randomRun).createTenant},
	{"Prefetch", (*randomRun).prefetch},
	{"Refresh", (*randomRun).refresh},
	{"Invalidate", (*randomRun).invalidate},
	{"Stats", (*randomRun).stats},
	{"Close", (*randomRun).closeNowAndThen},
}

// randomSignature is the newest of the tenant, or one that no key made.
func (r *randomRun) randomSignature(tenant string, random *mathrand.Rand) (signature string, forged bool) {
	if s, ok := r.signature.Load(tenant); ok && random.IntN(2) == 0 {
		return s.(string), false
	}
	return fmt.Sprintf("%064x", random.Uint64()), true
}

func (r *randomRun) verifyHMAC(ctx context.Context, c *randomClient, random *mathrand.Rand) error {
	id := randomTarget(random)
	signature, forged := r.randomSignature(id, random)
	err := c.VerifyHMAC(ctx, id, []byte(randomMessage), signature)
	if forged && err == nil {
		r.fail("VerifyHMAC takes a forged signature")
	}
	return err
}

func (r *randomRun) verify(ctx context.Context, c *randomClient, random *mathrand.Rand) error {
	id := randomTarget(random)
	signature, forged := r.randomSignature(id, random)
	err := c.Verify(ctx, id, func(k tenantsecrets.Keyring) error {
		return tenantsecrets.VerifyHMAC(k, []byte(randomMessage), signature)
	})
	if forged && err == nil {
		r.fail("Verify takes a forged signature")
	}
	return err
}

func (r *randomRun) tenantSecret(ctx context.Context, c *randomClient, random *mathrand.Rand) error {
	id := randomTarget(random)
	s, err := c.TenantSecret(ctx, id)
	r.belongs("TenantSecret", id, s, err)
	return err
}

// belongs wants the tenant's secret or an error, and never both.
func (r *randomRun) belongs(name, tenant string, s *tenantsecrets.TenantSecret, err error) {
	switch {
	case (s == nil) != (err != nil):
		r.fail("%s returns %v, %v", name, s, err)
	case s != nil && s.Name() != randomName(tenant, "hmac_key"):
		r.fail("%s of %s returns %v", name, tenant, s)
	}
}

func (r *randomRun) get(ctx context.Context, c *randomClient, random *mathrand.Rand) error {
	id := randomTarget(random)
	var err error
	switch random.IntN(6) {
	case 0:
		_, err = tenantsecrets.Get(ctx, c.Client, id, tenantsecrets.DestinationAPIKey("webhook1"))
	case 1:
		_, err = tenantsecrets.Get(ctx, c.Client, id, tenantsecrets.OAuthToken("webhook1"))
	case 2:
		_, err = tenantsecrets.Get(ctx, c.Client, id, tenantsecrets.Database("main"))
	case 3:
		_, err = tenantsecrets.Get(ctx, c.Client, tenantsecrets.Global, tenantsecrets.EncryptionKey())
	case 4:
		_, err = tenantsecrets.Get(ctx, c.Client, id, tenantsecrets.DestinationHMACKey("webhook1"))
	default:
		var owner string
		if owner, err = tenantsecrets.Get(ctx, c.Client, id, randomKind); err == nil && owner != id {
			r.fail("Get of %s returns what belongs to %s", id, owner)
		}
	}
	return err
}

func (r *randomRun) createTenant(ctx context.Context, c *randomClient, random *mathrand.Rand) error {
	n := r.created.Load()
	if random.IntN(2) == 0 {
		n = r.created.Add(1)
	}
	id := fmt.Sprintf("n_%d", n%randomCreated)
	s, err := c.CreateTenant(ctx, id, func(o *tenantsecrets.CreateOptions) {
		if random.IntN(2) == 0 {
			o.IdempotencyKey = id
		}
	})
	r.belongs("CreateTenant", id, s, err)
	return err
}

func (r *randomRun) prefetch(ctx context.Context, c *randomClient, random *mathrand.Rand) error {
	ids := make([]string, 1+random.IntN(30))
	for i := range ids {
		ids[i] = randomTarget(random)
	}
	if random.IntN(2) == 0 {
		ids = []string{randomTenant(random.IntN(randomTenants))}
	}
	return c.Prefetch(ctx, slices.Values(ids), func(o *tenantsecrets.PrefetchOptions) { o.Rate = -1 })
}

func (r *randomRun) refresh(ctx context.Context, c *randomClient, random *mathrand.Rand) error {
	id := randomTarget(random)
	s, err := c.Refresh(ctx, id)
	r.belongs("Refresh", id, s, err)
	return err
}

func (r *randomRun) invalidate(_ context.Context, c *randomClient, random *mathrand.Rand) error {
	if random.IntN(2) == 0 {
		return c.Invalidate(randomTarget(random))
	}
	return c.Invalidate(randomTarget(random), "hmac_key", randomKind.Path)
}

func (r *randomRun) stats(_ context.Context, c *randomClient, _ *mathrand.Rand) error {
	if s := c.Stats(); s.Held < 0 || s.Stale > s.Hits || s.Failures > s.Loads {
		r.fail("Stats contradicts itself: %+v", s)
	}
	_ = c.Options()
	_ = c.String()
	return nil
}

// closeNowAndThen ends the client for all who call it, and opens another.
func (r *randomRun) closeNowAndThen(_ context.Context, c *randomClient, random *mathrand.Rand) error {
	r.replaced.Lock()
	defer r.replaced.Unlock()
	if random.IntN(200) != 0 || r.client.Load() != c {
		return nil
	}
	r.open(random)
	c.closed.Store(true)
	c.Close()
	return nil
}
