package writer_test

import (
	"context"
	"crypto/rand"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"go.uber.org/goleak"

	"github.com/formbridge/tenantsecrets/internal/reader"
	"github.com/formbridge/tenantsecrets/internal/writer"
	"github.com/formbridge/tenantsecrets/secretstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	name    = "prod/formbridge/t_abc123/hmac_key"
	current = "AWSCURRENT"
)

// store is one secret and a writer of it, which has read its first version.
type store struct {
	*testing.T
	backend *secretstest.Backend
	writer  *writer.Writer
	base    writer.Base
}

// newWriter makes a writer of secrets that may be anywhere.
func newWriter(api writer.API) *writer.Writer {
	return &writer.Writer{API: api, Now: time.Now, Place: func() reader.Place { return reader.Place{} }}
}

// inBubble runs a test a minute after the secret was made.
func inBubble(t *testing.T, test func(s *store)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		out, err := b.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(name), SecretString: aws.String(rand.Text())})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		b.ClearCalls()
		s := &store{T: t, backend: b, writer: newWriter(b)}
		s.base = writer.Base{Name: name, ARN: *out.ARN, VersionID: *out.VersionId, Read: time.Now()}
		test(s)
	})
}

// put writes a text after the base; the ids are those that compose was given.
func (s *store) put(ctx context.Context, text string) (id string, ids []string, err error) {
	id, err = s.writer.Put(ctx, s.base, func(versionID string) (string, error) {
		ids = append(ids, versionID)
		return text, nil
	})
	return id, ids, err
}

// rival is another process of ours that starts from the same base.
func (s *store) rival() (id string) {
	s.Helper()
	w := newWriter(s.backend)
	id, err := w.Put(s.Context(), s.base, func(string) (string, error) { return rand.Text(), nil })
	if err != nil {
		s.Fatal(err)
	}
	return id
}

// foreign is somebody who writes without us.
func (s *store) foreign() {
	s.Helper()
	if _, err := s.backend.PutSecretValue(s.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String(name), SecretString: aws.String(rand.Text())}); err != nil {
		s.Fatal(err)
	}
}

// label moves AWSCURRENT by hand.
func (s *store) label(from, to string) {
	s.Helper()
	_, err := s.backend.UpdateSecretVersionStage(s.Context(), &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: aws.String(name), VersionStage: aws.String(current), RemoveFromVersionId: &from, MoveToVersionId: &to,
	})
	if err != nil {
		s.Fatal(err)
	}
}

func (s *store) wantCurrent(id, text string) {
	s.Helper()
	out, err := s.backend.GetSecretValue(s.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(name)})
	switch {
	case err != nil:
		s.Fatal(err)
	case *out.VersionId != id:
		s.Errorf("%s is current, want %s", *out.VersionId, id)
	case *out.SecretString != text:
		s.Error("what is current is not what was written")
	}
}

// operations are the calls since the log was cleared.
func operations(b *secretstest.Backend) string {
	var names []string
	for _, call := range b.Calls() {
		names = append(names, call.Operation)
	}
	return strings.NewReplacer("SecretValue", "", "Secret", "").Replace(strings.Join(names, " "))
}

func (s *store) wantCalls(want string) {
	s.Helper()
	if got := operations(s.backend); got != want {
		s.Errorf("calls: %s, want %s", got, want)
	}
}

func TestPut(t *testing.T) {
	inBubble(t, func(s *store) {
		text := rand.Text()
		id, ids, err := s.put(s.Context(), text)
		if err != nil || !slices.Equal(ids, []string{id}) {
			s.Fatalf("id %s, compose was given %v, error %v", id, ids, err)
		}
		calls := s.backend.Calls()
		if len(calls) != 1 || calls[0].Operation != "PutSecretValue" || calls[0].SecretID != s.base.ARN || calls[0].VersionID != id || calls[0].VersionStage != current {
			s.Errorf("calls %+v", calls)
		}
		s.wantCurrent(id, text)
		out, err := s.backend.GetSecretValue(s.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(name), VersionStage: aws.String("AWSPREVIOUS")})
		if err != nil || *out.VersionId != s.base.VersionID {
			s.Errorf("AWSPREVIOUS is not the base, error %v", err)
		}
	})
}

var ownUUID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// The id is the same for all who start from one version, and nobody else's.
func TestIDIsOfTheBase(t *testing.T) {
	errEnough := errors.New("enough")
	firstID := func(w *writer.Writer, base writer.Base) (id string) {
		_, err := w.Put(t.Context(), base, func(versionID string) (string, error) { id = versionID; return "", errEnough })
		if !errors.Is(err, errEnough) || !ownUUID.MatchString(id) {
			t.Errorf("id %q, error %v", id, err)
		}
		return id
	}
	a, b := &writer.Writer{Now: time.Now}, &writer.Writer{Now: time.Now, Timeout: time.Second}
	base := writer.Base{ARN: "arn:1", VersionID: "v1", Read: time.Now()}
	otherRead, otherVersion, otherARN := base, base, base
	otherRead.Read, otherVersion.VersionID, otherARN.ARN = base.Read.Add(-time.Minute), "v2", "arn:2"
	id := firstID(a, base)
	if firstID(b, otherRead) != id {
		t.Error("two writers of one base have two ids")
	}
	for _, other := range []writer.Base{otherVersion, otherARN} {
		if firstID(a, other) == id {
			t.Errorf("%+v has the id of %+v", other, base)
		}
	}
}

func TestOneOfManyWriters(t *testing.T) {
	inBubble(t, func(s *store) {
		var group sync.WaitGroup
		errs := make([]error, 20)
		for i := range errs {
			group.Go(func() { _, _, errs[i] = s.put(s.Context(), rand.Text()) })
		}
		group.Wait()
		won := 0
		for _, err := range errs {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, writer.ErrLost):
				s.Error(err)
			}
		}
		if won != 1 {
			s.Errorf("%d writers have won", won)
		}
	})
}

// contests are what may have happened when the id of a base is taken.
var contests = []struct {
	name    string
	happens func(s *store)
	calls   string
	attempt int // that succeeds; -1: ErrLost
}{
	{"the rival is current", func(s *store) { s.rival() }, "Put Get", -1},
	{"somebody has written after the rival", func(s *store) {
		s.rival()
		time.Sleep(time.Second)
		s.foreign()
	}, "Put Get Describe", -1},
	{"the base is current again", func(s *store) {
		id := s.rival()
		time.Sleep(time.Second)
		s.label(id, s.base.VersionID)
	}, "Put Get Describe Put", 1},
	{"the base is current again, and again", func(s *store) {
		for range 3 {
			id := s.rival()
			time.Sleep(time.Second)
			s.label(id, s.base.VersionID)
			time.Sleep(time.Second)
		}
	}, "Put Get Describe Put Get Describe Put Get Describe Put", 3},
	{"the base was current again, and another rival came", func(s *store) {
		id := s.rival()
		time.Sleep(time.Second)
		s.label(id, s.base.VersionID)
		time.Sleep(time.Second)
		s.rival()
	}, "Put Get Describe", -1},
	{"the rival is current again", func(s *store) {
		id := s.rival()
		time.Sleep(time.Second)
		s.label(id, s.base.VersionID)
		time.Sleep(time.Second)
		s.label(s.base.VersionID, id)
	}, "Put Get", -1},
}

func TestContest(t *testing.T) {
	for _, tt := range contests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(s *store) {
				tt.happens(s)
				s.backend.ClearCalls()
				text := rand.Text()
				id, ids, err := s.put(s.Context(), text)
				s.wantCalls(tt.calls)
				if tt.attempt < 0 {
					if !errors.Is(err, writer.ErrLost) || id != "" {
						s.Errorf("id %q, error %v, want ErrLost", id, err)
					}
					return
				}
				if err != nil || len(ids) != tt.attempt+1 || ids[tt.attempt] != id {
					s.Fatalf("id %s, compose was given %v, error %v", id, ids, err)
				}
				if slices.Sort(ids); len(slices.Compact(ids)) != tt.attempt+1 {
					s.Error("two attempts under one id")
				}
				s.wantCurrent(id, text)
			})
		})
	}
}

func TestBaseLife(t *testing.T) {
	for _, tt := range []struct {
		age  time.Duration
		lost bool
	}{{-time.Minute, false}, {5 * time.Minute, false}, {5*time.Minute + 1, true}, {24 * time.Hour, true}} {
		inBubble(t, func(s *store) {
			s.base.Read = time.Now().Add(-tt.age)
			_, ids, err := s.put(s.Context(), rand.Text())
			if errors.Is(err, writer.ErrLost) != tt.lost || !tt.lost && err != nil {
				s.Errorf("a base of %v: error %v", tt.age, err)
			}
			if tt.lost && (len(ids) != 0 || len(s.backend.Calls()) != 0) {
				s.Errorf("a base of %v: %d calls", tt.age, len(s.backend.Calls()))
			}
		})
	}
}

// A base can grow too old while an id is contested.
func TestBaseLifeEndsBetweenAttempts(t *testing.T) {
	inBubble(t, func(s *store) {
		id := s.rival()
		time.Sleep(time.Second)
		s.label(id, s.base.VersionID)
		s.backend.ClearCalls()
		s.backend.Inject(secretstest.Fault{Operation: "DescribeSecret", Delay: writer.BaseLife})
		if _, ids, err := s.put(s.Context(), rand.Text()); !errors.Is(err, writer.ErrLost) || len(ids) != 1 {
			s.Errorf("%d attempts, error %v", len(ids), err)
		}
		s.wantCalls("Put Get Describe")
	})
}

func TestComposeFails(t *testing.T) {
	errMine := errors.New("mine")
	inBubble(t, func(s *store) {
		id := s.rival()
		time.Sleep(time.Second)
		s.label(id, s.base.VersionID)
		for first, calls := range map[int]string{1: "", 2: "Put Get Describe"} {
			s.backend.ClearCalls()
			n := 0
			id, err := s.writer.Put(s.Context(), s.base, func(string) (string, error) {
				if n++; n == first {
					return rand.Text(), errMine
				}
				return rand.Text(), nil
			})
			if err != errMine || id != "" { //nolint:errorlint // compose's own, as it is
				s.Errorf("id %q, error %v", id, err)
			}
			s.wantCalls(calls)
		}
	})
}
