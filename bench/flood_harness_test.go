package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
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

// flood is one scenario under way: a client, the valid webhooks of its tenants, and
// whatever makes their life hard.
type flood struct {
	*population
	t        *testing.T
	api      *meter
	client   *tenantsecrets.Client
	requests sync.WaitGroup
	inFlight atomic.Int64 // requests, each on a goroutine of its own
	tally
}

// tally is what a scenario counts.
type tally struct {
	began time.Time // of the measurement

	mu        sync.Mutex
	valid     int           // webhooks that deserve a nil
	refused   int           // those of them that got an error
	final     int           // those of them that got an ErrSignature: the sender never comes again
	longest   time.Duration // wait of a valid webhook, whatever it got
	lastError time.Duration // after began: when the last of the refused was sent; 0: none was

	forged       int // requests that deserve an error
	forgedFinal  int // those of them that got an ErrSignature
	forgedPassed int // those of them that got a nil

	perSecond  []int64 // calls to Secrets Manager
	goroutines []int   // of the library: beyond the scenario's own and the requests'
	loads      uint64
}

// newFlood makes n tenants in a Secrets Manager whose every call takes latency, and a
// client with the default options, changed by optFns.
func newFlood(t *testing.T, n int, latency time.Duration, optFns ...func(*tenantsecrets.Options)) *flood {
	t.Helper()
	f := &flood{population: simulatedPopulation(t, n), t: t}
	f.backend.Inject(secretstest.Fault{Delay: latency})
	f.api = &meter{service: f.backend}
	c, err := newClient(f.api, usual, optFns...)
	if err != nil {
		t.Fatal(err)
	}
	f.client = c
	return f
}

// prefetch loads tenants at the default rate of Prefetch.
func (f *flood) prefetch(tenants []string) error {
	return f.client.Prefetch(f.t.Context(), slices.Values(tenants))
}

// load prefetches tenants before the measurement, as fast as it goes.
func (f *flood) load(tenants []string) {
	f.t.Helper()
	if err := prefetch(f.t.Context(), f.client, tenants); err != nil {
		f.t.Fatal(err)
	}
}

// request runs a request on a goroutine of its own, as a server does.
func (f *flood) request(do func()) {
	f.inFlight.Add(1)
	f.requests.Go(func() {
		defer f.inFlight.Add(-1)
		do()
	})
}

// sendValid sends a valid webhook of a tenant.
func (f *flood) sendValid(tenant, signature string) {
	f.request(func() {
		sent := time.Now()
		err := f.client.VerifyHMAC(f.t.Context(), tenant, f.body, signature)
		f.note(sent, err)
	})
}

// note counts the answer to a valid webhook.
func (f *flood) note(sent time.Time, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.valid++
	f.longest = max(f.longest, time.Since(sent))
	if err == nil {
		return
	}
	f.refused++
	f.lastError = max(f.lastError, sent.Sub(f.began)+1)
	if errors.Is(err, tenantsecrets.ErrSignature) {
		f.final++
	}
}

// sendForged sends a webhook with a signature that is well formed and not valid:
// through VerifyHMAC and Verify in turns.
func (f *flood) sendForged(i int, tenant, signature string) {
	f.request(func() {
		err := f.verifyEither(i, tenant, signature)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.forged++
		switch {
		case err == nil:
			f.forgedPassed++
		case errors.Is(err, tenantsecrets.ErrSignature):
			f.forgedFinal++
		}
	})
}

func (f *flood) verifyEither(i int, tenant, signature string) error {
	if i%2 == 0 {
		return f.client.VerifyHMAC(f.t.Context(), tenant, f.body, signature)
	}
	return f.client.Verify(f.t.Context(), tenant, func(k tenantsecrets.Keyring) error {
		return tenantsecrets.VerifyHMAC(k, f.body, signature)
	})
}

// every calls do in steps of a gap until it has lasted so long. A gap of 0 never does.
func every(ctx context.Context, during time.Duration, gap func() time.Duration, do func(i int)) {
	for i, end := 0, time.Now().Add(during); time.Now().Before(end) && ctx.Err() == nil; i++ {
		do(i)
		time.Sleep(gap())
	}
}

// evenly is a number of times a second, at equal intervals.
func evenly(perSecond int) func() time.Duration {
	return func() time.Duration { return time.Second / time.Duration(perSecond) }
}

// Samples are taken a little beside the round times at which requests come, and so
// often.
const (
	sampleEvery  = 50 * time.Millisecond
	sampleBeside = 1300 * time.Microsecond
)

// measure samples calls and goroutines while everything in sources runs, each on a
// goroutine of its own.
func (f *flood) measure(sources ...func()) {
	var (
		running sync.WaitGroup
		over    atomic.Bool
		sampled = make(chan struct{})
	)
	f.began = time.Now()
	loads := f.client.Stats().Loads
	synctest.Wait()
	own := runtime.NumGoroutine() + len(sources) + 1
	for _, source := range sources {
		running.Go(source)
	}
	go func() {
		defer close(sampled)
		f.sample(&over, own)
	}()
	running.Wait()
	f.requests.Wait()
	over.Store(true)
	<-sampled
	f.loads = f.client.Stats().Loads - loads
}

func (f *flood) sample(over *atomic.Bool, own int) {
	const inSecond = int(time.Second / sampleEvery)
	time.Sleep(sampleBeside)
	before := f.api.calls()
	for i := 1; !over.Load(); i++ {
		time.Sleep(sampleEvery)
		synctest.Wait()
		beyond := max(0, runtime.NumGoroutine()-own-int(f.inFlight.Load()))
		calls := f.api.calls()
		f.mu.Lock()
		f.goroutines = append(f.goroutines, beyond)
		if i%inSecond == 0 {
			f.perSecond = append(f.perSecond, calls-before)
			before = calls
		}
		f.mu.Unlock()
	}
}

// close ends the client; its caller is a bubble, which waits for what it left.
func (f *flood) close() { f.client.Close() }

func (c *tally) peakCalls() int64 { return slices.Max(append(c.perSecond, 0)) }

func (c *tally) meanCalls() float64 {
	sum := int64(0)
	for _, n := range c.perSecond {
		sum += n
	}
	return float64(sum) / float64(max(1, len(c.perSecond)))
}

func (c *tally) peakGoroutines() int { return slices.Max(append(c.goroutines, 0)) }

// steadyGoroutines is the median of the second half.
func (c *tally) steadyGoroutines() int {
	late := slices.Sorted(slices.Values(c.goroutines[len(c.goroutines)/2:]))
	if len(late) == 0 {
		return 0
	}
	return late[len(late)/2]
}

// line is the figures that every scenario has, and its targets.
func (c *tally) line(name string, more string, goals ...goal) line {
	text := fmt.Sprintf("%s of %s valid refused (%s for good), longest wait %s; calls a second: %s peak, %.1f mean; goroutines: %s peak, %s steady",
		thousands(int64(c.refused)), thousands(int64(c.valid)), thousands(int64(c.final)), brief(c.longest),
		thousands(c.peakCalls()), c.meanCalls(),
		thousands(int64(c.peakGoroutines())), thousands(int64(c.steadyGoroutines())))
	if more != "" {
		text += "; " + more
	}
	return line{Case: name, Ours: text, Goals: goals}
}

// putKey writes a new key of a tenant beside the old one, as an emergency rotation
// that no reader has seen yet.
func (f *flood) putKey(tenant, secret string) {
	f.t.Helper()
	text := document(tenant, []string{secret})
	if _, err := f.backend.PutSecretValue(context.WithoutCancel(f.t.Context()), &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(secretName(tenant)), SecretString: aws.String(text),
	}); err != nil {
		f.t.Error(err)
	}
}
