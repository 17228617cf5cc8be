package rotation_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// A document with the seed's four members, and Python's dates, is rotated, and its key
// is under the version's id from then on.
func TestASeedsDocumentIsRotated(t *testing.T) {
	inBubble(t, func(s *service) {
		l := s.ledger(destinationPath)
		s.store(l.name(), s.document(nil))
		_, a := s.current(l.name())
		l.check(a)
		b := s.wants(rotation.Done)(s.rotator.Destination("webhook1").Rotate(s.Context(), tenant)).VersionID
		l.walk(
			moment{0, a, []string{b}},
			moment{handover, b, []string{a}},
			moment{handover + day, b, nil},
		)
	})
}

// Another program writes a document with a new secret, and knows nothing of a ring: the
// keys before it are accepted for a day, whoever writes next.
func TestWritesOfOthersLoseNothing(t *testing.T) {
	inBubble(t, func(s *service) {
		l := s.ledger("hmac_key")
		first, _ := s.current(hmacName)
		a := first.KID
		b := s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant)).VersionID
		time.Sleep(time.Minute)
		c := s.put(hmacName, s.document(nil))
		foreign := time.Now()
		l.check(c, a, b)
		time.Sleep(time.Minute)
		d := s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant)).VersionID
		since := time.Since(foreign)
		l.walk(
			moment{0, c, []string{a, b, d}},
			moment{handover - 1, c, []string{a, b, d}},
			moment{handover, d, []string{a, b, c}},
			moment{day - since - 1, d, []string{a, b, c}},
			moment{day - since, d, []string{c}},
			moment{handover + day, d, nil},
		)
	})
}

// Of two foreign writes in a row only the last one's predecessor is known to readers,
// and so it is to who writes.
func TestARotationKeepsWhatReadersAccept(t *testing.T) {
	inBubble(t, func(s *service) {
		l := s.ledger("hmac_key")
		b := s.put(hmacName, s.document(nil))
		c := s.put(hmacName, s.document(nil))
		l.check(c, b)
		d := s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant)).VersionID
		l.check(c, b, d)
	})
}

// A previous version that cannot be used gives no key, is logged without what it
// holds, and fails nothing.
func TestPreviousThatCannotBeUsed(t *testing.T) {
	secret := rand.Text() + rand.Text()
	for what, previous := range map[string]func(*service) string{
		"malformed":   func(s *service) string { return s.document(map[string]any{"shared_secret": secret, "version": "9.9"}) },
		"no document": func(*service) string { return secret },
		"another tenant's": func(s *service) string {
			return s.document(map[string]any{"shared_secret": secret, "tenant_id": otherTenant})
		},
	} {
		for op, write := range writers {
			t.Run(what+", "+op, func(t *testing.T) {
				inBubble(t, func(s *service) {
					first, _ := s.current(hmacName)
					s.put(hmacName, previous(s))
					s.put(hmacName, s.document(map[string]any{
						"kid": token, "previous": []any{entry(first)},
					}))
					var log bytes.Buffer
					r := s.newRotator(s.backend, func(o *rotation.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
					result, err := write(s.Context(), r, first.KID)
					if s.wants(rotation.Done)(result, err); log.Len() == 0 || strings.Contains(log.String(), secret) {
						s.Errorf("logged %q", log.String())
					}
				})
			})
		}
	}
}

// withEmptyPrevious labels AWSPREVIOUS a version that a failed rotation left empty.
func (s *service) withEmptyPrevious() {
	s.Helper()
	lambda := "arn:aws:lambda:us-east-1:123456789012:function:rotate"
	s.backend.RegisterLambda(lambda, func(context.Context, secretstest.RotationEvent) error { return errors.New("it fails") })
	if _, err := s.backend.RotateSecret(s.Context(), rotateInput(hmacName, lambda)); err != nil {
		s.Fatal(err)
	}
	in := &secretsmanager.UpdateSecretVersionStageInput{SecretId: aws.String(hmacName), VersionStage: aws.String("AWSPREVIOUS"), MoveToVersionId: aws.String(token)}
	for _, id := range s.versionIDs(hmacName) {
		if slices.Contains(s.stages(id), "AWSPREVIOUS") {
			in.RemoveFromVersionId = &id
		}
	}
	if _, err := s.backend.UpdateSecretVersionStage(s.Context(), in); err != nil {
		s.Fatal(err)
	}
	in = &secretsmanager.UpdateSecretVersionStageInput{SecretId: aws.String(hmacName), VersionStage: aws.String("AWSPENDING"), RemoveFromVersionId: aws.String(token)}
	if _, err := s.backend.UpdateSecretVersionStage(s.Context(), in); err != nil {
		s.Fatal(err)
	}
}

// A previous version that cannot be found is one that a read does not show yet, and
// its keys would be lost: so long nothing is written. One that is never found is empty,
// gives no key and fails nothing, a revocation least of all.
func TestPreviousThatIsEmpty(t *testing.T) {
	for op, write := range writers {
		t.Run(op, func(t *testing.T) {
			inBubble(t, func(s *service) {
				_, k := s.rotated(1)
				s.withEmptyPrevious()
				r := s.newRotator(s.backend, func(o *rotation.Options) { o.Logger = slog.New(slog.DiscardHandler) })
				_, err := write(s.Context(), r, k[0])
				s.wantsError(err, op, tenant, tenantsecrets.ErrUnavailable)
				time.Sleep(2 * time.Minute)
				s.wants(rotation.Done)(write(s.Context(), r, k[0]))
			})
		})
	}
}

// The keys of a previous version that is found a moment later are not lost, nor those of
// one that takes longer.
func TestPreviousThatIsNotFoundYet(t *testing.T) {
	for _, times := range []int{1, 2, 100} {
		inBubble(t, func(s *service) {
			l := s.ledger("hmac_key")
			first, _ := s.current(hmacName)
			foreign := s.put(hmacName, s.document(nil))
			end := s.backend.Inject(secretstest.Fault{Operation: "GetSecretValue", After: 1, Times: times, Err: &types.ResourceNotFoundException{}})
			_, err := s.rotator.Rotate(s.Context(), tenant)
			end()
			if times == 100 {
				s.wantsError(err, "Rotate", tenant, tenantsecrets.ErrUnavailable)
				_, err = s.rotator.Rotate(s.Context(), tenant)
			}
			if err != nil {
				s.Fatal(err)
			}
			_, n := s.current(hmacName)
			l.check(foreign, first.KID, n)
		})
	}
}

// What the previous version revoked stays revoked, whoever wrote it.
func TestRevocationsOfThePreviousVersionAreKept(t *testing.T) {
	inBubble(t, func(s *service) {
		first, _ := s.current(hmacName)
		s.wants(rotation.Done)(s.rotator.RevokeAll(s.Context(), tenant))
		s.put(hmacName, s.document(nil)) // by one who knows of no revocations
		s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant))
		if d, _ := s.current(hmacName); !slices.Equal(d.Revoked, []string{first.KID}) {
			s.Errorf("revoked are %v", d.Revoked)
		}
		_, err := s.rotator.Rollback(s.Context(), tenant, first.KID)
		s.wantsError(err, "Rollback", tenant, rotation.ErrRevoked)
	})
}

// Members that this library does not know survive every call, at the top and in a key.
func TestUnknownMembersSurvive(t *testing.T) {
	for op, write := range writers {
		if op == "RevokeAll" {
			continue // ends the key whose member it is
		}
		inBubble(t, func(s *service) {
			first, _ := s.current(hmacName)
			s.put(hmacName, s.document(map[string]any{
				"kid": token, "version": "1.7", "note": map[string]any{"by": []int{1, 2}},
				"previous": []any{
					entry(first),
					map[string]any{"kid": "kept", "shared_secret": s.document(nil)[:40], "label": "blue"},
				},
			}))
			s.wants(rotation.Done)(write(s.Context(), s.rotator, first.KID))
			text, _, err := s.read(hmacName, "")
			if err != nil {
				s.Fatal(err)
			}
			var got map[string]json.RawMessage
			if err := json.Unmarshal([]byte(text), &got); err != nil {
				s.Fatal(err)
			}
			if string(got["note"]) != `{"by":[1,2]}` || string(got["version"]) != `"1.7"` || !bytes.Contains(got["previous"], []byte(`"label":"blue"`)) {
				s.Errorf("%s drops what it does not know", op)
			}
		})
	}
}

// A suspended tenant stays suspended, and its keys are changed like any other's.
func TestSuspensionSurvives(t *testing.T) {
	for op, write := range writers {
		inBubble(t, func(s *service) {
			first, _ := s.current(hmacName)
			kept := entry(first)
			s.put(hmacName, s.document(map[string]any{"state": "suspended", "kid": token, "previous": []any{kept}}))
			s.wants(rotation.Done)(write(s.Context(), s.rotator, first.KID))
			if d, _ := s.current(hmacName); d.State != "suspended" {
				s.Errorf("after %s the state is %q", op, d.State)
			}
			if _, err := s.client.Refresh(s.Context(), tenant); err == nil {
				s.Errorf("after %s the tenant is served", op)
			} else {
				s.wantsError(err, "Refresh", tenant, tenantsecrets.ErrSuspended)
			}
		})
	}
}

// entry is a key as a previous one.
func entry(d stored) map[string]any {
	return map[string]any{"kid": d.KID, "shared_secret": d.Secret, "created_at": "1999-12-31T12:00:00Z"}
}

// Previous keys need no date in a document, so that one may be put on top again.
func TestRollbackToAKeyWithoutDate(t *testing.T) {
	inBubble(t, func(s *service) {
		l := s.ledger("hmac_key")
		first, _ := s.current(hmacName)
		undated := entry(first)
		delete(undated, "created_at")
		s.put(hmacName, s.document(map[string]any{"kid": token, "previous": []any{undated}}))
		s.wants(rotation.Done)(s.rotator.Rollback(s.Context(), tenant, first.KID))
		l.check(first.KID, token)
	})
}
