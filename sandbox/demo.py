def demo(host, once): raise NotImplementedError
