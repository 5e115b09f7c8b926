// munjigi's tokens for an instance of axios. The refreshes are those of munjigi.js: one at a time, over all tabs.
//
//     const munjigi = new Munjigi("https://auth.example.org");
//     const api = withTokens(axios.create({ baseURL: "https://api.example.org" }), munjigi);

/** Adds the access token to every request of the instance. Refused with `401`, a request is repeated once. */
export function withTokens(instance, munjigi) {
  instance.interceptors.request.use(async (config) => {
    config.token = config.repeated ? await munjigi.renewed(config.token) : await munjigi.token();
    config.headers.set("Authorization", `Bearer ${config.token}`);
    return config;
  });
  instance.interceptors.response.use(undefined, (error) => {
    const { config, response } = error;
    if (response?.status !== 401 || !config || config.repeated) throw error;
    return instance.request({ ...config, repeated: true });
  });
  return instance;
}
