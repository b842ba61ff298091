package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// The variables that say where a worker's admin address is, and what to show there. A
// token is never an argument, which others could see in a list of processes.
const (
	adminVariable = "TIDEMILL_ADMIN"
	tokenVariable = "TIDEMILL_ADMIN_TOKEN" //nolint:gosec // the name of a variable
)

// mostAnswer is how much of an answer is read.
const mostAnswer = 64 << 20

// adminFlag adds the flag that names a worker's admin address.
func (c *cli) adminFlag(cmd *cobra.Command) *cobra.Command {
	usual := os.Getenv(adminVariable)
	if usual == "" {
		usual = "127.0.0.1:9090"
	}
	cmd.Flags().StringVar(&c.admin, "admin", usual, "admin `address` of a worker, as host:port or URL; its token, if it has one, is in "+tokenVariable)
	return cmd
}

// endpoint is the URL of a path on the admin address.
func (c *cli) endpoint(path string, values url.Values) (string, error) {
	base := c.admin
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("--admin is %q: give host:port, or a URL with http or https", c.admin)
	}
	return u.JoinPath(path).String() + "?" + values.Encode(), nil
}

// get asks a worker for JSON.
func (c *cli) get(ctx context.Context, path string, values url.Values, into any) error {
	at, err := c.endpoint(path, values)
	if err != nil {
		return err
	}
	if c.timeout <= 0 {
		return fmt.Errorf("--timeout is %v: give more than 0", c.timeout)
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return err
	}
	if token := os.Getenv(tokenVariable); token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment}}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("no worker answers at %s: run one with tidemill.Admin, and name its address with --admin: %w", c.admin, errors.Unwrap(err))
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(response.Body, mostAnswer))
	if err != nil {
		return fmt.Errorf("%s: %w", c.admin, err)
	}
	if response.StatusCode != http.StatusOK {
		return refusal(c.admin, response, data)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s does not answer like a worker: %w", c.admin, err)
	}
	return nil
}

// refusal is the error that a worker answered with.
func refusal(addr string, response *http.Response, data []byte) error {
	var told struct {
		Error string `json:"error"`
	}
	if response.StatusCode == http.StatusUnauthorized {
		return fmt.Errorf("%s wants its token: set %s", addr, tokenVariable)
	}
	if json.Unmarshal(data, &told) != nil || told.Error == "" {
		return fmt.Errorf("%s does not answer like a worker: %s", addr, response.Status)
	}
	return errors.New(told.Error)
}
