// The specification's JavaScript samples as an addon's author would paste them into a widget of OpenERP 7.0. What was
// put in for its "..." stands before and after them; its own lines are untouched, but for the callback's name in the
// last line of the first, "sucesscallback", which is a slip of the pen.
openerp.longpolling_browser = function (instance) {
    var seen = window.longpolling_sample = {answers: [], errors: [], written: []};

    instance.longpolling_browser.Sample = instance.web.Widget.extend({
        template: null,
        className: 'longpolling_sample',

        start: function () {
            var session, path, param, successcallback, errorcallback;

    this.lp = new instance.web.LongPolling();
    session = this.session; // it is the OpenERP session, in function of the location
                            // the session might have not be in DOM.
    path = '/mainpath';
    param = {}; // all param are on the controller kwargs
    successcallback = function(result){
        seen.answers.push(result);
    };
    errorcallback = function(xhr, status){
        seen.errors.push([xhr.status, status]);
    };
    this.lp.start_longpolling(session, path, param, successcallback, errorcallback)

            seen.widget = this;
        },

        write_in_callback: function () {
            var successcallback;

    var self = this;
    successcallback = function (result) {
        self.rpc('/longpolling_browser/write', {'write': result});
    }

            this.lp.start_longpolling(this.session, '/mainpath', {}, successcallback);
        },

        write_and_wait: function () {
            var successcallback;
            // Lets a test see that the next poll waits: the answer of the "..." is held until it says so.
            var held = $.Deferred();
            seen.go_on = function () { held.resolve(); };

    var self = this;
    successcallback = function (result) {
        var deferred = $.Deferred();
        self.rpc('/longpolling_browser/write', {'write': result}).then (function () {
            seen.written.push(result);
            held.then(function () {
            deferred.resolve();
            });
        });
        return deferred;
    }

            this.lp.start_longpolling(this.session, '/mainpath', {}, successcallback);
        },

        destroy: function () {
            this.lp.stop_longpolling();
            this._super();
        }
    });

    // A loop that lives as long as its widget.
    instance.longpolling_browser.Hooked = instance.web.Widget.extend({
        className: 'longpolling_hooked',

        start: function () {
            var self = this;
            this.lp = new instance.web.LongPolling().start_with(this, '/mainpath', {colour: 'blue'}, function (result) {
                seen.answers.push(result);
            });
            this.lp.onstate = function (state) { self.$el.attr('data-state', state.name); };
        }
    });

    instance.web.client_actions.add('longpolling_browser.hooked', 'instance.longpolling_browser.Hooked');
    instance.web.client_actions.add('longpolling_browser.sample', 'instance.longpolling_browser.Sample');
};
