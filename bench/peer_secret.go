package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// peerSecret is the stored document as a careful user without this library
// decodes it: the keys, the older ones each until its time.
type peerSecret struct {
	Secret   string `json:"shared_secret"`
	Previous []struct {
		Secret   string    `json:"shared_secret"`
		NotAfter time.Time `json:"not_after"`
	} `json:"previous"`
}

var errNoKeyMadeIt = errors.New("no key made the signature")

func decodePeerSecret(text string) (*peerSecret, error) {
	s := new(peerSecret)
	return s, json.Unmarshal([]byte(text), s)
}

// verify stops at the key that made the signature.
func (s *peerSecret) verify(body []byte, signature string) error {
	got, err := hex.DecodeString(signature)
	if err != nil {
		return err
	}
	if made(s.Secret, body, got) {
		return nil
	}
	for _, previous := range s.Previous {
		if time.Now().Before(previous.NotAfter) && made(previous.Secret, body, got) {
			return nil
		}
	}
	return errNoKeyMadeIt
}

func made(secret string, body, signature []byte) bool {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write(body)
	return hmac.Equal(m.Sum(nil), signature)
}

// peerTimeout bounds a load of a peer, as LoadTimeout bounds ours by default.
const peerTimeout = 5 * time.Second

// loadPeerSecret is the loader that a careful user gives a loading cache: one
// GetSecretValue, which one caller's cancellation does not end.
func loadPeerSecret(ctx context.Context, api service, tenant string) (*peerSecret, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), peerTimeout)
	defer cancel()
	out, err := api.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(secretName(tenant))})
	if err != nil {
		return nil, err
	}
	return decodePeerSecret(aws.ToString(out.SecretString))
}

// isGone tells whether there is no such secret.
func isGone(err error) bool { return errors.As(err, new(*types.ResourceNotFoundException)) }

// roomFor is what a peer's size is set to: what it may keep, or enough for all.
func roomFor(capacity int) int {
	if capacity == 0 {
		return 1 << 20
	}
	return capacity
}
