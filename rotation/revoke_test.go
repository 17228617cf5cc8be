package rotation_test

import (
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// rotated has rotated the tenant's secret a number of times, an hour apart, and
// returns the kids, the oldest first.
func (s *service) rotated(times int) (l *ledger, kids []string) {
	s.Helper()
	first, _ := s.current(hmacName)
	kids = []string{first.KID}
	for range times {
		kids = append(kids, s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant)).VersionID)
		time.Sleep(time.Hour)
	}
	return s.ledger("hmac_key"), kids
}

// The key that signs has leaked: the next newer one signs at once, or else a new one.
func TestRevokeTheKeyThatSigns(t *testing.T) {
	inBubble(t, func(s *service) {
		l, k := s.rotated(1)
		l.check(k[0], k[1])
		result := s.wants(rotation.Done)(s.rotator.Revoke(s.Context(), tenant, k[0]))
		if !slices.Equal(kids(result), []string{k[1]}) {
			s.Errorf("live are %v", kids(result))
		}
		l.walk(moment{0, k[1], nil}, moment{handover, k[1], nil}, moment{1000 * day, k[1], nil})

		fresh := s.wants(rotation.Done)(s.rotator.Revoke(s.Context(), tenant, k[1])).VersionID
		l.walk(moment{0, fresh, nil}, moment{1000 * day, fresh, nil})
	})
}

// Of several newer keys the next one signs, and the newest in its turn.
func TestRevokePromotesTheNextNewer(t *testing.T) {
	inBubble(t, func(s *service) {
		first, _ := s.current(hmacName)
		var k []string
		for range 2 {
			k = append(k, s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant)).VersionID)
			time.Sleep(10 * time.Minute)
		}
		s.wants(rotation.Done)(s.rotator.Revoke(s.Context(), tenant, first.KID))
		l := s.ledger("hmac_key")
		l.walk(
			moment{0, k[0], k[1:]},
			moment{handover - 10*time.Minute - 1, k[0], k[1:]},
			moment{handover - 10*time.Minute, k[1], k[:1]},
			moment{handover - 10*time.Minute + day, k[1], nil},
		)
	})
}

// A key that is replaced has leaked: what signs stays as it is.
func TestRevokeAReplacedKey(t *testing.T) {
	inBubble(t, func(s *service) {
		l, k := s.rotated(2)
		time.Sleep(handover)
		l.check(k[2], k[0], k[1])
		s.wants(rotation.Done)(s.rotator.Revoke(s.Context(), tenant, k[0]))
		l.check(k[2], k[1])
	})
}

// The key that does not sign yet has leaked: another takes its place as in a rotation.
func TestRevokeAKeyThatDoesNotSignYet(t *testing.T) {
	inBubble(t, func(s *service) {
		l, k := s.rotated(1)
		fresh := s.wants(rotation.Done)(s.rotator.Revoke(s.Context(), tenant, k[1])).VersionID
		l.walk(
			moment{0, k[0], []string{fresh}},
			moment{handover - 1, k[0], []string{fresh}},
			moment{handover, fresh, k[:1]},
			moment{handover + day, fresh, nil},
		)
	})
}

// Several at once, some of them twice, and some of them revoked before.
func TestRevokeSeveral(t *testing.T) {
	inBubble(t, func(s *service) {
		l, k := s.rotated(3)
		s.wants(rotation.Done)(s.rotator.Revoke(s.Context(), tenant, k[0]))
		s.wants(rotation.Done)(s.rotator.Revoke(s.Context(), tenant, k[1], k[0], k[1], k[2]))
		l.check(k[3])
		d, _ := s.current(hmacName)
		if want := k[:3]; !slices.Equal(d.Revoked, want) {
			s.Errorf("revoked are %v, want %v", d.Revoked, want)
		}
	})
}

// With all of them, a new key signs at once; RevokeAll finds them by itself.
func TestRevokeAll(t *testing.T) {
	for what, revoke := range map[string]func(s *service, kids []string) (rotation.Result, error){
		"by name": func(s *service, kids []string) (rotation.Result, error) {
			return s.rotator.Revoke(s.Context(), tenant, kids...)
		},
		"RevokeAll": func(s *service, _ []string) (rotation.Result, error) { return s.rotator.RevokeAll(s.Context(), tenant) },
	} {
		t.Run(what, func(t *testing.T) {
			inBubble(t, func(s *service) {
				l, k := s.rotated(3)
				result := s.wants(rotation.Done)(revoke(s, k))
				if !slices.Equal(kids(result), []string{result.VersionID}) || !result.Keys[0].SignAfter.IsZero() {
					s.Errorf("live are %+v", result.Keys)
				}
				l.walk(moment{0, result.VersionID, nil}, moment{1000 * day, result.VersionID, nil})
			})
		})
	}
}

// Revoking again is no error and writes nothing; RevokeAll has a new key to end.
func TestRevokeAgain(t *testing.T) {
	inBubble(t, func(s *service) {
		l, k := s.rotated(1)
		s.wants(rotation.Done)(s.rotator.Revoke(s.Context(), tenant, k[0]))
		s.backend.ClearCalls()
		result := s.wants(rotation.AlreadyDone)(s.rotator.Revoke(s.Context(), tenant, k[0]))
		if _, id := s.current(hmacName); s.puts() != 0 || result.VersionID != id || !slices.Equal(kids(result), k[1:]) {
			s.Errorf("%+v, called %v", result, s.operations())
		}
		one := s.wants(rotation.Done)(s.rotator.RevokeAll(s.Context(), tenant)).VersionID
		two := s.wants(rotation.Done)(s.rotator.RevokeAll(s.Context(), tenant)).VersionID
		l.check(two)
		if one == two {
			s.Error("the second RevokeAll did nothing")
		}
	})
}

// A mistyped kid must not look like success: with one that nobody gave, nothing is
// revoked.
func TestRevokeAnUnknownKey(t *testing.T) {
	inBubble(t, func(s *service) {
		l, k := s.rotated(1)
		empty := s.put(hmacName, s.document(nil), "MINE")
		s.backend.ClearCalls()
		for _, unknown := range []string{
			token, strings.ToUpper(k[0]), k[0] + "x", k[0][:30], "", " ", "AWSCURRENT", "k\n1", strings.Repeat("k", 4096), "\xff",
		} {
			for _, kids := range [][]string{{unknown}, {k[0], unknown}, {unknown, k[0]}} {
				result, err := s.rotator.Revoke(s.Context(), tenant, kids...)
				if len(unknown) > 1000 {
					if !errors.Is(err, rotation.ErrUnknownKey) {
						s.Errorf("a long kid: %v", err)
					}
					continue
				}
				s.wantsError(err, "Revoke", tenant, rotation.ErrUnknownKey)
				if result.Outcome != 0 {
					s.Errorf("%+v", result)
				}
			}
		}
		if s.puts() != 0 {
			s.Errorf("called %v", s.operations())
		}
		l.tags[empty] = nil
		l.check(k[0], k[1])
	})
}

// A key whose time is over can be revoked, so that it never comes back.
func TestRevokeADeadKey(t *testing.T) {
	inBubble(t, func(s *service) {
		l, k := s.rotated(1)
		time.Sleep(3 * day)
		l.check(k[1])
		s.wants(rotation.Done)(s.rotator.Revoke(s.Context(), tenant, k[0]))
		l.check(k[1])
		_, err := s.rotator.Rollback(s.Context(), tenant, k[0])
		s.wantsError(err, "Rollback", tenant, rotation.ErrRevoked)
	})
}

// And so can one that another program gave a name of its own.
func TestRevokeADeadKeyOfAnotherWriter(t *testing.T) {
	inBubble(t, func(s *service) {
		dead := map[string]any{
			"kid": "june", "shared_secret": s.document(nil)[:40], "created_at": "1999-06-01T00:00:00Z", "not_after": "1999-07-01T00:00:00Z",
		}
		s.put(hmacName, s.document(map[string]any{"previous": []any{dead}}))
		s.wants(rotation.Done)(s.rotator.Revoke(s.Context(), tenant, "june"))
	})
}

// The process that revoked a key refuses it from then on, though what it held was
// fresh.
func TestRevokedIsForgottenAtOnce(t *testing.T) {
	for what, revoke := range map[string]func(s *service, kid string) (rotation.Result, error){
		"Revoke": func(s *service, kid string) (rotation.Result, error) {
			return s.rotator.Revoke(s.Context(), tenant, kid)
		},
		"RevokeAll": func(s *service, _ string) (rotation.Result, error) { return s.rotator.RevokeAll(s.Context(), tenant) },
		"again": func(s *service, kid string) (rotation.Result, error) { // the process that comes second
			other := s.newRotator(s.backend)
			before, err := s.client.TenantSecret(s.Context(), tenant)
			if err != nil {
				return rotation.Result{}, err
			}
			if _, err := s.otherProcess().Revoke(s.Context(), tenant, kid); err != nil {
				return rotation.Result{}, err
			}
			if now, err := s.client.TenantSecret(s.Context(), tenant); err != nil || now != before {
				s.Error("what was held is gone before its process was asked")
			}
			return other.Revoke(s.Context(), tenant, kid)
		},
	} {
		t.Run(what, func(t *testing.T) {
			inBubble(t, func(s *service) {
				l, k := s.rotated(1)
				l.learn()
				signature := hex.EncodeToString(l.tags[k[0]])
				if err := s.client.VerifyHMAC(s.Context(), tenant, message, signature); err != nil {
					s.Fatal(err)
				}
				if _, err := revoke(s, k[0]); err != nil {
					s.Fatal(err)
				}
				if err := s.client.VerifyHMAC(s.Context(), tenant, message, signature); !errors.Is(err, tenantsecrets.ErrMismatch) {
					s.Errorf("a revoked key's signature: %v", err)
				}
			})
		})
	}
}

// Where no answer came, the key may be revoked, and is not served from memory.
func TestRevokedPerhapsIsForgotten(t *testing.T) {
	inBubble(t, func(s *service) {
		l, k := s.rotated(1)
		l.learn()
		signature := hex.EncodeToString(l.tags[k[0]])
		if err := s.client.VerifyHMAC(s.Context(), tenant, message, signature); err != nil {
			s.Fatal(err)
		}
		end := s.backend.Inject(secretstest.Fault{Operation: "PutSecretValue", LostAnswer: true})
		_, err := s.rotator.Revoke(s.Context(), tenant, k[0])
		s.wantsError(err, "Revoke", tenant, tenantsecrets.ErrUnavailable)
		end()
		if err := s.client.VerifyHMAC(s.Context(), tenant, message, signature); !errors.Is(err, tenantsecrets.ErrMismatch) {
			s.Errorf("a revoked key's signature: %v", err)
		}
	})
}

// otherProcess is a rotator with a client, and a cache, of its own.
func (s *service) otherProcess() *rotation.Rotator {
	s.Helper()
	c, err := tenantsecrets.New(s.backend, naming)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(c.Close)
	r, err := rotation.New(c, s.backend)
	if err != nil {
		s.Fatal(err)
	}
	return r
}

// Other processes refuse it within TTL and a load.
func TestRevokedIsSeenWithinTTL(t *testing.T) {
	inBubble(t, func(s *service) {
		l, k := s.rotated(1)
		l.learn()
		signature := hex.EncodeToString(l.tags[k[0]])
		if err := s.client.VerifyHMAC(s.Context(), tenant, message, signature); err != nil {
			s.Fatal(err)
		}
		if _, err := s.otherProcess().Revoke(s.Context(), tenant, k[0]); err != nil {
			s.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		if err := s.client.VerifyHMAC(s.Context(), tenant, message, signature); !errors.Is(err, tenantsecrets.ErrMismatch) {
			s.Errorf("after TTL a revoked key's signature: %v", err)
		}
	})
}

// A client that is closed holds nothing, so that there is nothing to forget.
func TestRevokeWithAClosedClient(t *testing.T) {
	inBubble(t, func(s *service) {
		s.client.Close()
		s.wants(rotation.Done)(s.rotator.RevokeAll(s.Context(), tenant))
	})
}

// stages are the labels of a version.
func (s *service) stages(versionID string) []string {
	s.Helper()
	d, err := s.backend.DescribeSecret(s.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String(hmacName)})
	if err != nil {
		s.Fatal(err)
	}
	return d.VersionIdsToStages[versionID]
}

// A revocation does not wait for a rotation that AWS drives: it ends it. So does one
// that has nothing else left to do.
func TestRevokeClearsAWSPENDING(t *testing.T) {
	inBubble(t, func(s *service) {
		_, k := s.rotated(1)
		for _, want := range []rotation.Outcome{rotation.Done, rotation.AlreadyDone} {
			pending := s.put(hmacName, s.document(nil), "AWSPENDING")
			s.wants(want)(s.rotator.Revoke(s.Context(), tenant, k[0]))
			if labels := s.stages(pending); labels != nil {
				s.Errorf("the pending version is labelled %v", labels)
			}
		}
		pending := s.put(hmacName, s.document(nil), "AWSPENDING")
		s.wants(rotation.Done)(s.rotator.RevokeAll(s.Context(), tenant))
		if labels := s.stages(pending); labels != nil {
			s.Errorf("the pending version is labelled %v", labels)
		}
		s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant))
	})
}

// AWSPENDING on the current version is no rotation, and costs no call.
func TestRevokeLeavesAWSPENDINGOnTheCurrentVersion(t *testing.T) {
	inBubble(t, func(s *service) {
		s.put(hmacName, s.document(nil), "AWSCURRENT", "AWSPENDING")
		s.backend.ClearCalls()
		s.wants(rotation.Done)(s.rotator.RevokeAll(s.Context(), tenant))
		if slices.ContainsFunc(s.operations(), func(op string) bool { return strings.HasPrefix(op, "UpdateSecretVersionStage") }) {
			s.Errorf("called %v", s.operations())
		}
	})
}

// Where the label cannot be taken off, the keys are revoked all the same, and the
// caller learns both. Called again, it takes it off.
func TestRevokeThatCannotClearAWSPENDING(t *testing.T) {
	for what, tt := range map[string]struct {
		fault secretstest.Fault
		want  error
	}{
		"denied":         {secretstest.Fault{Operation: "UpdateSecretVersionStage", Err: secretstest.AccessDenied()}, tenantsecrets.ErrAccessDenied},
		"no answer":      {secretstest.Fault{Operation: "UpdateSecretVersionStage", Err: secretstest.ConnectionReset()}, tenantsecrets.ErrUnavailable},
		"no description": {secretstest.Fault{Operation: "DescribeSecret", After: 1, Err: secretstest.Throttling()}, tenantsecrets.ErrUnavailable},
	} {
		t.Run(what, func(t *testing.T) {
			inBubble(t, func(s *service) {
				l, k := s.rotated(1)
				pending := s.put(hmacName, s.document(nil), "AWSPENDING")
				end := s.backend.Inject(tt.fault)
				result, err := s.rotator.Revoke(s.Context(), tenant, k[0])
				s.wantsError(err, "Revoke", tenant, tt.want)
				end()
				if result.Outcome != rotation.Done || s.stages(pending) == nil {
					s.Errorf("%+v, and the pending version is labelled %v", result, s.stages(pending))
				}
				l.tags[pending] = nil
				if d, _ := s.current(hmacName); d.KID != k[1] || !slices.Equal(d.Revoked, k[:1]) {
					s.Errorf("the key is not revoked: %v", d.Revoked)
				}
				s.wants(rotation.AlreadyDone)(s.rotator.Revoke(s.Context(), tenant, k[0]))
				if labels := s.stages(pending); labels != nil {
					s.Errorf("the pending version is labelled %v", labels)
				}
			})
		})
	}
}

// An answer to the last step that is lost is looked for.
func TestRevokeWhoseLastAnswerIsLost(t *testing.T) {
	inBubble(t, func(s *service) {
		pending := s.put(hmacName, s.document(nil), "AWSPENDING")
		s.backend.Inject(secretstest.Fault{Operation: "UpdateSecretVersionStage", LostAnswer: true})
		s.wants(rotation.Done)(s.rotator.RevokeAll(s.Context(), tenant))
		if labels := s.stages(pending); labels != nil {
			s.Errorf("the pending version is labelled %v", labels)
		}
	})
}

// A full ring does not keep a key from being revoked.
func TestRevokeOfAFullRing(t *testing.T) {
	inBubble(t, func(s *service) {
		first, _ := s.current(hmacName)
		k := []string{first.KID}
		for range 7 {
			k = append(k, s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant)).VersionID)
		}
		l := s.ledger("hmac_key")
		s.wants(rotation.Done)(s.rotator.Revoke(s.Context(), tenant, k[7]))
		l.check(k[0], k[1:7]...)
		s.wants(rotation.Done)(s.rotator.Revoke(s.Context(), tenant, k[0]))
		l.check(k[1], k[2:7]...)
		fresh := s.wants(rotation.Done)(s.rotator.RevokeAll(s.Context(), tenant)).VersionID
		l.check(fresh)
	})
}
