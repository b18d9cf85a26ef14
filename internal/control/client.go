package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"golang.org/x/sys/unix"
)

// Client talks to the daemon at one socket.
type Client struct {
	path string
	http *http.Client
}

// NewClient makes a client for the socket at path; nothing is sent yet.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		d := net.Dialer{Timeout: 5 * time.Second}
		return d.DialContext(ctx, "unix", path)
	}
	return &Client{path: path, http: &http.Client{Transport: &http.Transport{
		DialContext:           dial,
		ResponseHeaderTimeout: 30 * time.Second,
		MaxIdleConns:          1,
	}}}
}

// Status asks how the daemon is.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return get[Status](ctx, c, "/v1/status")
}

// Bans lists the live limits and drops, by address.
func (c *Client) Bans(ctx context.Context) ([]BanRow, error) { return c.rows(ctx, "/v1/bans") }

// Allowed lists the live allow entries, by address.
func (c *Client) Allowed(ctx context.Context) ([]BanRow, error) { return c.rows(ctx, "/v1/allow") }

// Ban orders a ban.
func (c *Client) Ban(ctx context.Context, o Order) (Receipt, error) {
	return post[Receipt](ctx, c, "/v1/ban", o)
}

// Allow orders an allow entry.
func (c *Client) Allow(ctx context.Context, o Order) (Receipt, error) {
	return post[Receipt](ctx, c, "/v1/allow", o)
}

// Unban ends the bans inside prefix and says how many. An invalid prefix means all.
func (c *Client) Unban(ctx context.Context, prefix netip.Prefix) (int, error) {
	l, err := post[lifted](ctx, c, "/v1/unban", liftOrder{prefix, !prefix.IsValid()})
	return l.Lifted, err
}

// Disallow ends the allow entries inside prefix and says how many.
func (c *Client) Disallow(ctx context.Context, prefix netip.Prefix) (int, error) {
	l, err := post[lifted](ctx, c, "/v1/allow/remove", liftOrder{Prefix: prefix})
	return l.Lifted, err
}

// Why asks for an explanation.
func (c *Client) Why(ctx context.Context, target string) (Explanation, error) {
	return get[Explanation](ctx, c, "/v1/why?target="+url.QueryEscape(target))
}

// Stop ends the daemon and waits until its socket is gone or ctx ends.
func (c *Client) Stop(ctx context.Context, clear bool) error {
	if _, err := post[struct{}](ctx, c, "/v1/stop", map[string]bool{"clear": clear}); err != nil {
		return err
	}
	c.http.CloseIdleConnections()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		conn, err := net.Dial("unix", c.path)
		if err != nil {
			return nil
		}
		conn.Close()
		select {
		case <-ctx.Done():
			return &Problem{What: "the daemon has not stopped yet", Why: ctx.Err().Error(), Do: "sipward status"}
		case <-look.C:
		}
	}
}

// Reload makes the daemon read its settings again.
func (c *Client) Reload(ctx context.Context) error {
	_, err := post[struct{}](ctx, c, "/v1/reload", struct{}{})
	return err
}

// Events hands every record that q asks for to each, until the stream or ctx
// ends or each gives an error.
func (c *Client) Events(ctx context.Context, q EventQuery, each func(EventRecord) error) error {
	query := url.Values{}
	if !q.Since.IsZero() {
		query.Set("since", q.Since.Format(time.RFC3339Nano))
	}
	if q.Follow {
		query.Set("follow", "true")
	}
	return eachLine(ctx, c, "/v1/events?"+query.Encode(), each)
}

func (c *Client) rows(ctx context.Context, path string) ([]BanRow, error) {
	var rows []BanRow
	err := eachLine(ctx, c, path, func(r BanRow) error { rows = append(rows, r); return nil })
	return rows, err
}

func get[T any](ctx context.Context, c *Client, path string) (T, error) {
	return one[T](ctx, c, http.MethodGet, path, nil)
}

func post[T any](ctx context.Context, c *Client, path string, order any) (T, error) {
	text, err := json.Marshal(order)
	if err != nil {
		panic("control: order cannot be written: " + err.Error()) // our own types always can
	}
	return one[T](ctx, c, http.MethodPost, path, bytes.NewReader(text))
}

// one sends a request whose answer is one object.
func one[T any](ctx context.Context, c *Client, method, path string, order io.Reader) (T, error) {
	var answer T
	response, err := c.send(ctx, method, path, order)
	if err != nil {
		return answer, err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return answer, c.lost(ctx, err)
	}
	return answer, nil
}

// eachLine sends a request whose answer is JSON Lines.
func eachLine[T any](ctx context.Context, c *Client, path string, each func(T) error) error {
	response, err := c.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	for decoder := json.NewDecoder(response.Body); ; {
		var line T
		err := decoder.Decode(&line)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return c.lost(ctx, err)
		}
		if err := each(line); err != nil {
			return err
		}
	}
}

// send gives the response, whose body the caller closes, or a problem.
func (c *Client) send(ctx context.Context, method, path string, order io.Reader) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://sipward"+path, order)
	if err != nil {
		panic("control: request cannot be written: " + err.Error()) // our own paths always can
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	defer response.Body.Close()
	p := Problem{Kind: kindOf(response.StatusCode)}
	text, _ := io.ReadAll(io.LimitReader(response.Body, maxBody)) // what came is all we will get
	if json.Unmarshal(text, &p) != nil || p.What == "" {
		p = Problem{What: fmt.Sprintf("%s answers %s", c.path, response.Status), Why: "it does not speak as sipward does"}
	}
	return nil, &p
}

// unreachable says why nobody answered.
func (c *Client) unreachable(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, fs.ErrPermission):
		return &Problem{What: "you may not command this daemon", Kind: ErrNotPermitted,
			Why: "only root and the group " + groupName + " may open " + c.path, Do: "try again with sudo"}
	case errors.Is(err, fs.ErrNotExist):
		return &Problem{What: "no daemon is running", Kind: ErrUnreachable,
			Why: "there is no socket at " + c.path, Do: "sudo systemctl start sipward"}
	case errors.Is(err, unix.ECONNREFUSED):
		return &Problem{What: "no daemon is running", Kind: ErrUnreachable,
			Why: "nobody listens at " + c.path, Do: "sudo systemctl restart sipward"}
	}
	return &Problem{What: "the daemon does not answer", Kind: ErrUnreachable, Why: err.Error(), Do: "sudo systemctl status sipward"}
}

// lost says that an answer broke off.
func (c *Client) lost(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &Problem{What: "the daemon's answer broke off", Kind: ErrUnreachable, Why: err.Error(), Do: "sipward status"}
}
