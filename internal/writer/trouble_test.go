package writer_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/formbridge/tenantsecrets/internal/answer"
	"github.com/formbridge/tenantsecrets/internal/writer"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// Reads may lag behind. What was read of the time before the rival wrote says nothing,
// and least of all that the base is current.
func TestStaleReads(t *testing.T) {
	const after = time.Second // since the rival wrote, when somebody else has written too
	for _, tt := range []struct {
		name, operation string
		by              time.Duration // of each read
		calls           string
		took            time.Duration
		err             error
	}{
		{"values, none", "GetSecretValue", 0, "Put Get Describe", 0, writer.ErrLost},
		// The rival wrote 1 s ago: read at 0, 0.1, 0.3, 0.7, 1.5, 3.1 and 6.3 s.
		{"values, by 2 s", "GetSecretValue", 2 * time.Second, "Put Get Get Get Get Get", 1500 * time.Millisecond, writer.ErrLost},
		{"values, by 7.3 s", "GetSecretValue", 7300 * time.Millisecond, "Put Get Get Get Get Get Get Get", 6300 * time.Millisecond, writer.ErrLost},
		{"values, by more", "GetSecretValue", 7301 * time.Millisecond, "Put Get Get Get Get Get Get Get", 6300 * time.Millisecond, writer.ErrLags},
		{"descriptions, from when the rival had written", "DescribeSecret", time.Second, "Put Get Describe", 0, writer.ErrLost},
		{"descriptions, from just before", "DescribeSecret", 1001 * time.Millisecond, "Put Get Describe Describe", 100 * time.Millisecond, writer.ErrLost},
		{"descriptions, by 3 s", "DescribeSecret", 3 * time.Second, "Put Get Describe Describe Describe Describe Describe Describe", 3100 * time.Millisecond, writer.ErrLost},
		{"descriptions, by more", "DescribeSecret", 20 * time.Second, "Put Get Describe Describe Describe Describe Describe Describe Describe", 6300 * time.Millisecond, writer.ErrLags},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(s *store) {
				s.rival()
				time.Sleep(after)
				s.foreign()
				s.backend.ClearCalls()
				s.backend.Inject(secretstest.Fault{Operation: tt.operation, StaleBy: tt.by})
				began := time.Now()
				_, ids, err := s.put(s.Context(), rand.Text())
				if !errors.Is(err, tt.err) || len(ids) != 1 {
					s.Errorf("%d attempts, error %v, want %v", len(ids), err, tt.err)
				}
				if took := time.Since(began); took != tt.took {
					s.Errorf("took %v, want %v", took, tt.took)
				}
				s.wantCalls(tt.calls)
			})
		})
	}
}

// A label that was moved back shows late too.
func TestStaleReadOfALabel(t *testing.T) {
	inBubble(t, func(s *store) {
		id := s.rival()
		time.Sleep(time.Second)
		s.label(id, s.base.VersionID)
		s.backend.ClearCalls()
		s.backend.Inject(secretstest.Fault{Operation: "DescribeSecret", StaleBy: time.Second, Times: 1})
		if _, _, err := s.put(s.Context(), rand.Text()); !errors.Is(err, writer.ErrLost) {
			s.Errorf("the rival was current after it was written: error %v", err)
		}
		s.wantCalls("Put Get Describe")
	})
}

// A request without an answer is sent twice: it takes effect once.
func TestLostAnswers(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault secretstest.Fault
		calls string
		code  string // of the error
		fails bool
		put   bool // it took effect
	}{
		{"one", secretstest.Fault{LostAnswer: true, Times: 1}, "Put Put", "", false, true},
		{"both", secretstest.Fault{LostAnswer: true}, "Put Put", "", true, true},
		{"one connection broke before", secretstest.Fault{Err: secretstest.ConnectionReset(), Times: 1}, "Put Put", "", false, true},
		{"both did", secretstest.Fault{Err: secretstest.ConnectionReset()}, "Put Put", "", true, false},
		{"one failure of the service", secretstest.Fault{Err: secretstest.InternalError(), Times: 1}, "Put Put", "", false, true},
		{"two", secretstest.Fault{Err: secretstest.InternalError()}, "Put Put", "InternalServiceError", true, false},
		{"too many requests", secretstest.Fault{Err: secretstest.Throttling()}, "Put", "ThrottlingException", true, false},
		{"no permission", secretstest.Fault{Err: secretstest.AccessDenied()}, "Put", "AccessDeniedException", true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(s *store) {
				tt.fault.Operation = "PutSecretValue"
				remove := s.backend.Inject(tt.fault)
				text := rand.Text()
				id, ids, err := s.put(s.Context(), text)
				s.wantCalls(tt.calls)
				if (err != nil) != tt.fails || answer.Code(err) != tt.code || errors.Is(err, writer.ErrLost) {
					s.Errorf("error %v, want the code %q", err, tt.code)
				}
				if tt.fails && tt.put && !answer.Unanswered(err) {
					s.Error("the error says that nothing was written")
				}
				if !tt.put {
					return
				}
				s.wantCurrent(ids[0], text)
				if !tt.fails && id != ids[0] {
					s.Errorf("id %s, want %s", id, ids[0])
				}
				remove() // who tries again from the same base finds that it has lost
				if _, _, err := s.put(s.Context(), rand.Text()); !errors.Is(err, writer.ErrLost) {
					s.Errorf("a second one from the same base: error %v", err)
				}
				s.wantCurrent(ids[0], text)
			})
		})
	}
}

// Errors of the reads end a contest, and are returned as they came.
func TestContestFails(t *testing.T) {
	for _, operation := range []string{"GetSecretValue", "DescribeSecret"} {
		for _, fault := range []error{secretstest.Throttling(), secretstest.AccessDenied(), secretstest.InternalError()} {
			inBubble(t, func(s *store) {
				s.rival()
				time.Sleep(time.Second)
				s.foreign()
				s.backend.Inject(secretstest.Fault{Operation: operation, Err: fault})
				if id, ids, err := s.put(s.Context(), rand.Text()); answer.Code(err) != answer.Code(fault) || id != "" || len(ids) != 1 {
					s.Errorf("%s: %d attempts, error %v, want %v", operation, len(ids), err, fault)
				}
			})
		}
	}
}

func TestCallersContextEnds(t *testing.T) {
	contested := func(s *store) {
		s.rival()
		time.Sleep(time.Second)
		s.foreign()
		s.backend.ClearCalls()
	}
	for _, tt := range []struct {
		name  string
		begin func(s *store)
		fault secretstest.Fault
		after time.Duration
		calls string
	}{
		{"before it begins", func(*store) {}, secretstest.Fault{}, 0, ""},
		{"while it is written: it is not sent again", func(*store) {}, secretstest.Fault{Operation: "PutSecretValue", Delay: time.Hour}, time.Second, "Put"},
		{"while a version is read", contested, secretstest.Fault{Operation: "GetSecretValue", Delay: time.Hour}, time.Second, "Put Get"},
		{"between two such reads", contested, secretstest.Fault{Operation: "GetSecretValue", StaleBy: time.Hour}, time.Second, "Put Get Get Get Get"},
		{"while the secret is described", contested, secretstest.Fault{Operation: "DescribeSecret", Delay: time.Hour}, time.Second, "Put Get Describe"},
		{"between two such reads, too", contested, secretstest.Fault{Operation: "DescribeSecret", StaleBy: time.Minute}, time.Second, "Put Get Describe Describe Describe Describe"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(s *store) {
				tt.begin(s)
				s.backend.Inject(tt.fault)
				ctx, cancel := context.WithTimeout(s.Context(), tt.after)
				defer cancel()
				began := time.Now()
				if _, _, err := s.put(ctx, rand.Text()); !errors.Is(err, context.DeadlineExceeded) {
					s.Errorf("error %v", err)
				}
				if took := time.Since(began); took != tt.after {
					s.Errorf("took %v, want %v", took, tt.after)
				}
				s.wantCalls(tt.calls)
			})
		})
	}
}

// ended is an API that answers nothing until the caller is gone.
type ended struct {
	writer.API
	puts int
}

func (a *ended) PutSecretValue(ctx context.Context, _ *secretsmanager.PutSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error) {
	a.puts++
	<-ctx.Done()
	return nil, ctx.Err()
}

// What is sent for a caller who is gone might take effect long after.
func TestNothingIsSentForACallerWhoIsGone(t *testing.T) {
	inBubble(t, func(s *store) {
		a := &ended{API: s.backend}
		s.writer.API = a
		ctx, cancel := context.WithTimeout(s.Context(), time.Second)
		defer cancel()
		if _, _, err := s.put(ctx, rand.Text()); !errors.Is(err, context.DeadlineExceeded) || a.puts != 1 {
			s.Errorf("sent %d times, error %v", a.puts, err)
		}
	})
}

// A turn is waited for before every write that is sent, and none is sent without.
func TestTurn(t *testing.T) {
	errOver := errors.New("over")
	for turns, calls := range map[int]string{0: "", 1: "Put"} {
		inBubble(t, func(s *store) {
			left := turns
			s.writer.Turn = func(context.Context) error {
				if left--; left < 0 {
					return errOver
				}
				return nil
			}
			s.backend.Inject(secretstest.Fault{Operation: "PutSecretValue", Err: secretstest.InternalError()})
			_, _, err := s.put(s.Context(), rand.Text())
			if errors.Is(err, errOver) != (turns == 0) || turns > 0 && answer.Code(err) != "InternalServiceError" {
				s.Errorf("%d turns: error %v", turns, err)
			}
			s.wantCalls(calls)
		})
	}
}

// Timeout bounds each request, and not the call.
func TestTimeout(t *testing.T) {
	for _, tt := range []struct {
		name, operation string
		delay, timeout  time.Duration
		fails           bool
		took            time.Duration
	}{
		{"a write", "PutSecretValue", time.Minute, time.Second, true, 2 * time.Second}, // it is sent twice
		{"a read", "GetSecretValue", time.Minute, time.Second, true, time.Second},
		{"a description", "DescribeSecret", time.Minute, time.Second, true, time.Second},
		{"none", "PutSecretValue", time.Minute, 0, false, 2 * time.Minute}, // two writes
		{"each request within it", "", 900 * time.Millisecond, time.Second, false, 4 * 900 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(s *store) {
				id := s.rival()
				time.Sleep(time.Second)
				s.label(id, s.base.VersionID)
				s.writer.Timeout = tt.timeout
				s.backend.Inject(secretstest.Fault{Operation: tt.operation, Delay: tt.delay})
				began := time.Now()
				_, _, err := s.put(s.Context(), rand.Text())
				if errors.Is(err, context.DeadlineExceeded) != tt.fails || !tt.fails && err != nil {
					s.Errorf("error %v", err)
				}
				if took := time.Since(began); took != tt.took {
					s.Errorf("took %v, want %v", took, tt.took)
				}
			})
		})
	}
}

// taken is an API at which every id is taken, and the base is current all the same.
type taken struct {
	base string
	ids  map[string]bool
	get  *secretsmanager.GetSecretValueOutput
	tell *secretsmanager.DescribeSecretOutput
}

func (a *taken) PutSecretValue(_ context.Context, in *secretsmanager.PutSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error) {
	a.ids[*in.ClientRequestToken] = true
	if a.get != nil {
		a.get.VersionId = in.ClientRequestToken
	}
	return nil, &types.ResourceExistsException{}
}

func (a *taken) GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	return a.get, nil
}

func (a *taken) DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	return a.tell, nil
}

const takenARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:" + name + "-AbCdEf"

func newTaken() *taken {
	return &taken{
		base: "v1", ids: map[string]bool{}, get: &secretsmanager.GetSecretValueOutput{Name: aws.String(name), ARN: aws.String(takenARN)},
		tell: &secretsmanager.DescribeSecretOutput{Name: aws.String(name), ARN: aws.String(takenARN), VersionIdsToStages: map[string][]string{"v1": {"AWSPENDING", current}}},
	}
}

func (a *taken) put(t *testing.T) (id string, err error) {
	t.Helper()
	return newWriter(a).Put(t.Context(), writer.Base{Name: name, ARN: takenARN, VersionID: a.base, Read: time.Now()}, func(string) (string, error) { return rand.Text(), nil })
}

// Secrets Manager keeps about a hundred versions: that is as many as can have followed
// one base.
func TestManyAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTaken()
		if id, err := a.put(t); !errors.Is(err, writer.ErrLost) || id != "" {
			t.Errorf("id %q, error %v, want ErrLost", id, err)
		}
		if len(a.ids) != 100 {
			t.Errorf("%d ids were tried, want 100", len(a.ids))
		}
	})
}

// What Secrets Manager leaves out is not taken for what it should say.
func TestIncompleteAnswers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(a *taken)
		err    error // nil: any, but none of ErrLost and ErrLags
	}{
		{"no value and no error", func(a *taken) { a.get = nil }, nil},
		{"no description and no error", func(a *taken) { a.tell = nil }, nil},
		{"no labels", func(a *taken) { a.tell.VersionIdsToStages = nil }, writer.ErrLost},
		{"other labels of the base", func(a *taken) { a.tell.VersionIdsToStages["v1"] = []string{"AWSPREVIOUS"} }, writer.ErrLost},
		{"no LastChangedDate", func(a *taken) { a.get.CreatedDate = aws.Time(time.Now()) }, writer.ErrLags},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newTaken()
				tt.change(a)
				id, err := a.put(t)
				switch {
				case id != "" || len(a.ids) != 1:
					t.Errorf("id %q after %d attempts", id, len(a.ids))
				case tt.err != nil && !errors.Is(err, tt.err), tt.err == nil && (err == nil || errors.Is(err, writer.ErrLost) || errors.Is(err, writer.ErrLags)):
					t.Errorf("error %v, want %v", err, tt.err)
				}
			})
		})
	}
}

// mute answers a write with neither an output nor an error, so many times.
type mute struct {
	*secretstest.Backend
	times int
}

func (a *mute) PutSecretValue(ctx context.Context, in *secretsmanager.PutSecretValueInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error) {
	if a.times--; a.times >= 0 {
		return nil, nil
	}
	return a.Backend.PutSecretValue(ctx, in, optFns...)
}

func TestNoOutputOfAWrite(t *testing.T) {
	for times, fails := range map[int]bool{1: false, 2: true} {
		inBubble(t, func(s *store) {
			s.writer.API = &mute{s.backend, times}
			text := rand.Text()
			id, _, err := s.put(s.Context(), text)
			switch {
			case (err != nil) != fails:
				s.Errorf("%d times: error %v", times, err)
			case err == nil:
				s.wantCurrent(id, text)
			}
		})
	}
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := writer.Sleep(t.Context(), time.Second); err != nil || time.Since(began) != time.Second {
			t.Errorf("%v, error %v", time.Since(began), err)
		}
		cause := errors.New("cause")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(cause) })
		if err := writer.Sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) || time.Since(began) != 2*time.Second {
			t.Errorf("%v, error %v", time.Since(began), err)
		}
	})
}
