package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/internal/mac"
	"github.com/formbridge/tenantsecrets/secretstest"
	"github.com/formbridge/tenantsecrets/webhook"
)

const forgeriesNotes = `64 goroutines post forged webhooks with well-formed signatures for 2 of 100 tenants, as
fast as they can, through the middleware. A call to Secrets Manager takes 20 ms. 4 other
goroutines post valid webhooks of 1 KiB, one each millisecond: 2 of them for the tenants
without forgeries, 2 for those with. Measured is how long the middleware takes for a valid
webhook: p50, p99, p99.9 and the longest. The control is the same with 64 goroutines that
only hash 1 KiB, because any 64 busy goroutines take time on the same cores. In the second
control the 64 post valid webhooks: they allocate as forgeries do, and hold no lock. The 64
yield after each webhook or hash, as a goroutine that serves a connection does. The first
3.5 s are not counted: loads that forgeries cause become rarer, and until then forgeries
wait for them instead of coming as fast as they can.`

const (
	forgers        = 64
	forgedTenants  = 2
	forgeryTenants = 100
	validSenders   = 2 // of each kind
	validInterval  = time.Millisecond
	forgeryAPI     = 20 * time.Millisecond
	forgeryLead    = 3500 * time.Millisecond // not counted

	forgeryLimit = 2 // × p99.9 of a control
)

func forgeries(ctx context.Context, b *run) ([]line, error) {
	s, err := newForgeryService(ctx)
	if err != nil {
		return nil, err
	}
	defer s.client.Close()
	control, err := s.measure(ctx, b.pace, hashes)
	if err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	busy, err := s.measure(ctx, b.pace, func(stop <-chan struct{}, g int) { s.flood(ctx, stop, s.ids[g%forgedTenants], s.valid) })
	if err != nil {
		return nil, fmt.Errorf("second control: %w", err)
	}
	var refused atomic.Int64
	forged, err := s.measure(ctx, b.pace, func(stop <-chan struct{}, g int) { refused.Add(s.forge(ctx, stop, g)) })
	if err != nil {
		return nil, err
	}
	return []line{
		forgeryLine("tenants without forgeries", forged.others, control.others, busy.others),
		forgeryLine("tenants with forgeries", forged.attacked, control.attacked, busy.attacked),
		{Case: "forgeries", Ours: fmt.Sprintf("%s a second", thousands(int64(float64(refused.Load())/(forgeryLead+b.pace).Seconds())))},
	}, nil
}

// forgeryLine compares p99.9 with that of both controls.
func forgeryLine(name string, forged, control, busy latencies) line {
	return line{
		Case:  "valid webhooks for " + name,
		Ours:  forged.summary(),
		Floor: "hashing " + control.summary() + "<br>valid " + busy.summary(),
		Goals: []goal{
			atMost(forged.p999Over(control), forgeryLimit, "%.2f × p99.9 beside hashing"),
			atMost(forged.p999Over(busy), forgeryLimit, "%.2f × p99.9 beside valid webhooks"),
		},
	}
}

func (l latencies) p999Over(control latencies) float64 {
	return float64(l.quantile(.999)) / float64(control.quantile(.999))
}

func (l latencies) summary() string {
	return fmt.Sprintf("%s, %s, %s, %s", brief(l.quantile(.5)), brief(l.quantile(.99)), brief(l.quantile(.999)), brief(l.quantile(1)))
}

// forgeryService is a service behind the middleware. All tenants have the same key, so one
// signature is valid for all of them.
type forgeryService struct {
	client  *tenantsecrets.Client
	handler http.Handler
	ids     []string // the first forgedTenants of them are attacked
	valid   http.Header
	body    []byte
}

func newForgeryService(ctx context.Context) (*forgeryService, error) {
	p, err := newPopulation(forgeryTenants, 1)
	if err != nil {
		return nil, err
	}
	s := &forgeryService{ids: p.ids, body: p.body}
	if s.client, err = newClient(p.backend, unhurried); err != nil {
		return nil, err
	}
	if err := s.prepare(ctx); err != nil {
		s.client.Close()
		return nil, err
	}
	p.backend.Inject(secretstest.Fault{Delay: forgeryAPI})
	return s, nil
}

// prepare loads all tenants, signs the valid webhook and makes the handler.
func (s *forgeryService) prepare(ctx context.Context) error {
	var keys tenantsecrets.Keyring
	for _, id := range s.ids {
		secret, err := s.client.TenantSecret(ctx, id)
		if err != nil {
			return err
		}
		keys = secret.Keys()
	}
	v, err := webhook.New(s.client)
	if err != nil {
		return err
	}
	s.handler = v.Middleware(webhook.PathTenant("tenant"))(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))
	s.valid, err = s.headers(keys)
	return err
}

func (s *forgeryService) headers(keys tenantsecrets.Keyring) (http.Header, error) {
	scheme, header := webhook.StandardWebhooks(), http.Header{}
	id, now := "msg_"+rand.Text(), strconv.FormatInt(time.Now().Unix(), 10)
	tags, err := keys.MACs(scheme.AppendPrefix(nil, id, now), s.body)
	if err != nil {
		return nil, err
	}
	scheme.Write(header, id, now, tags)
	return header, nil
}

// validTimes are how long valid webhooks took.
type validTimes struct{ others, attacked latencies }

// measure posts valid webhooks while busy runs on 64 goroutines until stop is closed.
func (s *forgeryService) measure(ctx context.Context, during time.Duration, busy func(stop <-chan struct{}, goroutine int)) (validTimes, error) {
	var (
		stop    = make(chan struct{})
		working sync.WaitGroup
	)
	for g := range forgers {
		working.Go(func() { busy(stop, g) })
	}
	var (
		sending sync.WaitGroup
		failed  firstError
		took    [2 * validSenders][]time.Duration
	)
	for i := range took {
		ids := s.ids[forgedTenants:]
		if i >= validSenders {
			ids = s.ids[:forgedTenants]
		}
		sending.Go(func() {
			var err error
			took[i], err = s.send(ctx, ids, during)
			failed.keep(err)
		})
	}
	sending.Wait()
	close(stop)
	working.Wait()
	return validTimes{joinLatencies(took[:validSenders]), joinLatencies(took[validSenders:])}, failed.err
}

func joinLatencies(measured [][]time.Duration) latencies {
	var all []time.Duration
	for _, m := range measured {
		all = append(all, m...)
	}
	return newLatencies(all)
}

// send posts a valid webhook each validInterval, to one tenant after the other.
func (s *forgeryService) send(ctx context.Context, ids []string, during time.Duration) (took []time.Duration, err error) {
	p := s.newPoster(ctx, s.valid)
	began := time.Now()
	for i := 0; time.Since(began) < forgeryLead+during; i++ {
		start := time.Now()
		status := p.post(ids[i%len(ids)])
		if start.Sub(began) >= forgeryLead {
			took = append(took, time.Since(start))
		}
		if status != http.StatusNoContent {
			return took, fmt.Errorf("a valid webhook was answered with %d", status)
		}
		time.Sleep(validInterval)
	}
	return took, nil
}

// forge posts forgeries until stop is closed and returns how many were refused. Each
// goroutine has a key of its own.
func (s *forgeryService) forge(ctx context.Context, stop <-chan struct{}, forger int) (refused int64) {
	keys, err := tenantsecrets.NewKeyring(tenantsecrets.NewValue(newSecret()))
	if err != nil {
		panic(err)
	}
	header, err := s.headers(keys)
	if err != nil {
		panic(err)
	}
	return s.flood(ctx, stop, s.ids[forger%forgedTenants], header)
}

// flood posts the same webhook until stop is closed, and returns how often it was refused.
func (s *forgeryService) flood(ctx context.Context, stop <-chan struct{}, tenant string, header http.Header) (refused int64) {
	p := s.newPoster(ctx, header)
	for {
		select {
		case <-stop:
			return refused
		default:
		}
		if p.post(tenant) >= http.StatusBadRequest {
			refused++
		}
		runtime.Gosched()
	}
}

// hashes is the control: it makes MACs of as many bytes until stop is closed.
func hashes(stop <-chan struct{}, _ int) {
	key, message := mac.NewKey([]byte(newSecret())), make([]byte, bodySize)
	for {
		select {
		case <-stop:
			return
		default:
		}
		var tag [mac.Size]byte
		key.Sum(&tag, message)
		runtime.Gosched()
	}
}

// poster posts the same webhook again and again, on one goroutine. It is also the
// ResponseWriter, so that it allocates as little as a server that reuses its buffers.
type poster struct {
	service *forgeryService
	request *http.Request
	content *rewound
	answer  http.Header
	status  int
}

func (p *poster) Header() http.Header         { return p.answer }
func (p *poster) Write(b []byte) (int, error) { return len(b), nil }
func (p *poster) WriteHeader(status int)      { p.status = status }

func (s *forgeryService) newPoster(ctx context.Context, header http.Header) *poster {
	p := &poster{service: s, content: new(rewound), answer: http.Header{}}
	p.request = httptest.NewRequestWithContext(ctx, http.MethodPost, "/", http.NoBody)
	p.request.Header, p.request.Body, p.request.ContentLength = header, p.content, int64(len(s.body))
	return p
}

// post returns the status of the answer.
func (p *poster) post(tenant string) int {
	p.content.Reader = *bytes.NewReader(p.service.body)
	p.request.SetPathValue("tenant", tenant)
	p.status = 0
	p.service.handler.ServeHTTP(p, p.request)
	return p.status
}
