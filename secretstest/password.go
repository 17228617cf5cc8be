package secretstest

import (
	"context"
	"crypto/rand"
	"math/big"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go/middleware"
)

// GetRandomPassword makes a password, by default of 32 characters, with at least
// one of each type included.
func (b *Backend) GetRandomPassword(
	ctx context.Context, in *secretsmanager.GetRandomPasswordInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.GetRandomPasswordOutput, error) {
	return getRandomPassword.invoke(ctx, b, in)
}

var getRandomPassword = operation[secretsmanager.GetRandomPasswordInput, secretsmanager.GetRandomPasswordOutput]{
	name: "GetRandomPassword",
	check: func(c *checks, in *secretsmanager.GetRandomPasswordInput) {
		c.number("PasswordLength", in.PasswordLength, 1, 4096)
		c.text("ExcludeCharacters", in.ExcludeCharacters, 0, 4096)
	},
	subject:  func(*secretsmanager.GetRandomPasswordInput) Call { return Call{} },
	metadata: func(out *secretsmanager.GetRandomPasswordOutput) *middleware.Metadata { return &out.ResultMetadata },
	run:      (*request).getRandomPassword,
}

// The types of characters.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html
const (
	lowercase   = "abcdefghijklmnopqrstuvwxyz"
	uppercase   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	numbers     = "0123456789"
	punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
)

func (r *request) getRandomPassword(in *secretsmanager.GetRandomPasswordInput) (*secretsmanager.GetRandomPasswordOutput, error) {
	length := 32
	if in.PasswordLength != nil {
		length = int(*in.PasswordLength)
	}
	required := includedTypes(in)
	pool := strings.Join(required, "")
	if aws.ToBool(in.IncludeSpace) {
		pool += without(" ", in.ExcludeCharacters)
	}
	if in.RequireEachIncludedType != nil && !*in.RequireEachIncludedType {
		required = nil
	}
	if err := enoughFor(length, required, pool); err != nil {
		return nil, err
	}
	return &secretsmanager.GetRandomPasswordOutput{RandomPassword: aws.String(password(length, required, pool))}, nil
}

// includedTypes is the characters left of each type that is asked for.
func includedTypes(in *secretsmanager.GetRandomPasswordInput) []string {
	var included []string
	for _, t := range []struct {
		characters string
		exclude    *bool
	}{
		{lowercase, in.ExcludeLowercase},
		{uppercase, in.ExcludeUppercase},
		{numbers, in.ExcludeNumbers},
		{punctuation, in.ExcludePunctuation},
	} {
		if !aws.ToBool(t.exclude) {
			included = append(included, without(t.characters, in.ExcludeCharacters))
		}
	}
	return included
}

func without(characters string, excluded *string) string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune(aws.ToString(excluded), c) {
			return -1
		}
		return c
	}, characters)
}

// enoughFor refuses what no password can satisfy, in the words reported of the
// service.
func enoughFor(length int, required []string, pool string) error {
	for _, characters := range required {
		if characters == "" {
			return invalidParameter("All characters of the desired type have been excluded")
		}
	}
	switch {
	case pool == "":
		return invalidParameter("All characters have been excluded from selection")
	case length < len(required):
		return invalidParameter("Password length is too short based on the required types.")
	}
	return nil
}

// password draws one character of each required type and the rest from the
// pool, and mixes them.
func password(length int, required []string, pool string) string {
	chosen := make([]byte, 0, length)
	for _, characters := range required {
		chosen = append(chosen, characters[draw(len(characters))])
	}
	for len(chosen) < length {
		chosen = append(chosen, pool[draw(len(pool))])
	}
	for i := range chosen {
		j := draw(i + 1)
		chosen[i], chosen[j] = chosen[j], chosen[i]
	}
	return string(chosen)
}

// draw is a random number below n.
func draw(n int) int {
	i, _ := rand.Int(rand.Reader, big.NewInt(int64(n))) // crypto/rand.Reader never fails
	return int(i.Int64())
}
